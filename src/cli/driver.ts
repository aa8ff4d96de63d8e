/**
 * `deno task driver`: gives a machine without a WebGPU adapter Mesa's software driver, or says how to get it. The
 * tasks that compute depend on it; it always succeeds, for the task itself reports a missing adapter.
 *
 * @module
 */
import { runCommand } from "./command.ts";
import { carryOut, planDriver, type PlatformFacts } from "./driver_plan.ts";
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

/** Runs a command and resolves to its exit status. stdout stays free for the task that depends on this one. */
async function run([program, ...args]: readonly string[]): Promise<number> {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const command = new Deno.Command(program!, { args, env, stdin: "null", stdout: "null", stderr: "inherit" });
  return (await command.output()).code;
}

async function provideDriver(): Promise<void> {
  if (await navigator.gpu?.requestAdapter()) return;
  await carryOut(planDriver(await platformFacts()), run, noteLine);
}

if (import.meta.main) await runCommand("driver", (program) => void program.action(provideDriver));
