/**
 * `deno task doctor`: tells what WebGPU finds on this machine, what is slow or missing, and how to mend it; and whether the
 * run of a config fits.
 *
 * @module
 */
import { UserError } from "../error.ts";
import { openAdapter } from "../gpu/adapter.ts";
import { runCommand } from "./command.ts";
import { diagnose } from "./diagnosis.ts";
import { examineConfig } from "./doctor_config.ts";
import { platformFacts } from "./driver.ts";
import { adviseDriver } from "./driver_plan.ts";
import { printLine } from "./terminal.ts";
import { tunedTable } from "./tuning_file.ts";

interface DoctorOptions {
  readonly config?: string;
  readonly set: readonly string[];
}

async function examine({ config, set }: DoctorOptions): Promise<void> {
  if (set.length && config === undefined) {
    throw new UserError("Cannot use --set without a config: name one with --config");
  }
  const platform = await platformFacts();
  if (!await navigator.gpu?.requestAdapter()) throw new UserError(adviseDriver(platform).join("\n"));
  const adapter = await openAdapter();
  const { limits } = adapter.device;
  const availableBytes = Deno.systemMemoryInfo().available;
  diagnose({
    runtime: `Deno ${Deno.version.deno} on ${Deno.build.os} ${Deno.build.arch}`,
    platform,
    cores: navigator.hardwareConcurrency,
    availableBytes,
    adapter,
    kernels: await tunedTable(adapter),
    limits,
  }).forEach(printLine);
  adapter.device.destroy();
  if (config === undefined) return;
  const room = { limits, availableBytes: adapter.software ? availableBytes : null };
  const { lines, problems } = await examineConfig(config, room, set);
  [...lines, ...problems.map((problem) => `does not fit: ${problem}`)].forEach(printLine);
  if (problems.length) throw new UserError(`Cannot run ${config} here: see what "does not fit" above`);
  printLine("The config fits");
}

if (import.meta.main) {
  await runCommand("doctor", (program) => {
    program.option("--config <file>", "also tell whether the run of this config fits, and what files it lacks")
      .option(
        "--set <a.b=v>",
        "change a value of the config; may be repeated",
        (value, all: string[]) => [...all, value],
        [],
      )
      .action(examine);
  });
}
