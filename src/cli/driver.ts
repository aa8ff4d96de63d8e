/**
 * `deno task driver`: gives a machine without a WebGPU adapter Mesa's software driver, or says how to get it. The
 * tasks that compute depend on it; it always succeeds, for the task itself reports a missing adapter.
 *
 * @module
 */
import { runCommand } from "./command.ts";
import { planDriver, type PlatformFacts } from "./driver_plan.ts";
import { noteLine } from "./terminal.ts";

/** What `planDriver` needs to know of this machine. */
export async function platformFacts(): Promise<PlatformFacts> {
  return {
    os: Deno.build.os,
    osRelease: await Deno.readTextFile("/etc/os-release").catch(() => ""),
    root: Deno.uid() === 0,
    nvidia: await Deno.stat("/dev/nvidiactl").then(() => true, () => false),
  };
}

async function installs([program, ...args]: readonly string[]): Promise<boolean> {
  // stdout belongs to the task that depends on this one.
  const { code } = await new Deno.Command(program!, {
    args,
    env: { DEBIAN_FRONTEND: "noninteractive" },
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).output();
  if (code !== 0) noteLine(`${program} ${args[0]} failed with status ${code}: install the driver by hand`);
  return code === 0;
}

async function provideDriver(): Promise<void> {
  if (await navigator.gpu?.requestAdapter()) return;
  const plan = planDriver(await platformFacts());
  plan.notes.forEach(noteLine);
  for (const command of plan.install) if (!await installs(command)) return;
  if (plan.install.length) noteLine("Mesa's software driver is installed");
}

if (import.meta.main) await runCommand("driver", (program) => void program.action(provideDriver));
