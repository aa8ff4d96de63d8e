/**
 * `deno task doctor`: tells what WebGPU finds on this machine, what is slow or missing, and how to mend it.
 *
 * @module
 */
import { UserError } from "../error.ts";
import { openAdapter } from "../gpu/adapter.ts";
import { runCommand } from "./command.ts";
import { diagnose } from "./diagnosis.ts";
import { platformFacts } from "./driver.ts";
import { adviseDriver } from "./driver_plan.ts";
import { printLine } from "./terminal.ts";

async function examine(): Promise<void> {
  const platform = await platformFacts();
  if (!await navigator.gpu?.requestAdapter()) throw new UserError(adviseDriver(platform).join("\n"));
  const adapter = await openAdapter();
  diagnose({
    runtime: `Deno ${Deno.version.deno} on ${Deno.build.os} ${Deno.build.arch}`,
    platform,
    cores: navigator.hardwareConcurrency,
    availableBytes: Deno.systemMemoryInfo().available,
    adapter,
    limits: adapter.device.limits,
  }).forEach(printLine);
  adapter.device.destroy();
}

if (import.meta.main) await runCommand("doctor", (program) => void program.action(examine));
