import type { Command } from "commander";
import { canonicalConfig, diffConfig } from "../config/canonical.ts";
import { loadConfig } from "../config/load_config.ts";
import { UserError } from "../error.ts";
import type { GpuOptions } from "../gpu/gpu.ts";
import { RunDirectory } from "../io/run_directory.ts";
import type { JobConfig } from "../jobs/job.ts";
import { Interrupted } from "../jobs/phases.ts";
import { anyJobSchema, jobOf } from "../jobs/registry.ts";
import { Device } from "../tensor/device.ts";
import { onInterrupt } from "./command.ts";
import { currentCommit, defaultRunPath, version } from "./environment.ts";
import { noteLine, printLine } from "./terminal.ts";
import { tableOfRun, tunedTable } from "./tuning_file.ts";

const defaultConfig = "configs/digits_policy.yaml";

interface TrainOptions {
  readonly set: string[];
  readonly seed?: string;
  readonly out?: string;
  readonly resume?: string;
}

/** Declares `deno task train`: runs the job that a config names, or continues a run. */
export function trainCommand(program: Command): void {
  program
    .description("Runs the training job that a config names.")
    .argument("[config]", `YAML file of the job; default ${defaultConfig}, with --resume that of the run`)
    .option(
      "--set <a.b=v>",
      "change a value of the config; may be repeated",
      (value, all: string[]) => [...all, value],
      [],
    )
    .option("--seed <n>", "the same as --set seed=n")
    .option("--out <dir>", "folder of the run; default runs/<job>-<date>-<time>")
    .option("--resume <run>", "continue a run where it stopped, bit for bit")
    .action(async (config: string | undefined, options: TrainOptions) => {
      const overrides = options.seed === undefined ? options.set : [...options.set, `seed=${options.seed}`];
      if (options.resume === undefined) return await start(config ?? defaultConfig, overrides, options.out);
      if (options.out !== undefined) throw new UserError("Cannot use --out with --resume: the run stays in its folder");
      await resume(options.resume, config, overrides);
    });
}

async function start(file: string, overrides: readonly string[], out: string | undefined): Promise<void> {
  const config = loadConfig(file, anyJobSchema, overrides);
  await jobOf(config).check?.(config); // before there is a folder
  const device = await openDevice(config, tunedTable);
  const run = await RunDirectory.create(out ?? defaultRunPath(config.job, new Date()));
  await run.writeText("config.yaml", canonicalConfig(config));
  await run.writeEnvironment({
    version,
    commit: await currentCommit(new URL("../../", import.meta.url)),
    adapter: device.gpu.adapter.name,
    kernels: device.gpu.table,
    seed: config.seed,
  });
  await execute(device, config, run, false);
}

async function resume(path: string, file: string | undefined, overrides: readonly string[]): Promise<void> {
  const run = await RunDirectory.open(path);
  const saved = loadConfig(run.config, anyJobSchema);
  const wanted = loadConfig(file ?? run.config, anyJobSchema, overrides);
  const differences = diffConfig(saved, wanted);
  if (differences.length) {
    throw new UserError(
      `Cannot resume ${path}: it was made with another config (${differences.join(", ")}); ` +
        "resume it with its own, or start a new run",
    );
  }
  await jobOf(saved).check?.(saved);
  await execute(await openDevice(saved, (adapter) => tableOfRun(run, adapter)), saved, run, true);
}

function openDevice(config: JobConfig, choose: NonNullable<GpuOptions["choose"]>): Promise<Device> {
  return Device.open({ memoryBytes: config.memory_gib * 2 ** 30, choose });
}

async function execute(device: Device, config: JobConfig, run: RunDirectory, resumed: boolean): Promise<void> {
  noteLine(`${resumed ? "Resuming" : "Training"} in ${run.path} on ${device.gpu.adapter.name}; Ctrl-C saves and stops`);
  const newLine = Deno.stderr.isTerminal() ? "\n" : ""; // below the progress bar
  using interrupt = onInterrupt(() =>
    noteLine(`${newLine}Stopping after this step; press Ctrl-C again to stop at once`)
  );
  try {
    printLine(await jobOf(config).run(device, config, run, { resume: resumed, signal: interrupt.signal }));
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    noteLine(`Stopped and saved; continue with: deno task train --resume ${run.path}`);
    Deno.exit(130);
  }
}
