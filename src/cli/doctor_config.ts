import { loadConfig } from "../config/load_config.ts";
import { clipsOf } from "../jobs/imagenet_clips.ts";
import type { ImagenetConfig } from "../jobs/imagenet_config.ts";
import { missingFiles, missingLine, neededFiles } from "../jobs/imagenet_files.ts";
import { demandOf, gib, objections, type RunLimits, totalOf } from "../jobs/imagenet_memory.ts";
import type { JobConfig } from "../jobs/job.ts";
import { anyJobSchema } from "../jobs/registry.ts";

/** What a config's run may use. */
export interface MachineRoom {
  readonly limits: RunLimits;
  /** Main memory that programs can still get, where the adapter takes its memory from it; null where it has its own. */
  readonly availableBytes: number | null;
}

/** What the doctor says of a config. */
export interface ConfigFindings {
  readonly lines: readonly string[];
  /** What stands against a run, a sentence each; none where it fits. */
  readonly problems: readonly string[];
}

/**
 * Whether a config's run fits a machine: files, memory by part, the adapter's limits. Only ImageNet's jobs are looked at so
 * closely.
 *
 * @param overrides such as `training.batch_size=4`.
 * @throws {UserError} for a config that `deno task train` would refuse.
 */
export async function examineConfig(
  file: string,
  room: MachineRoom,
  overrides: readonly string[] = [],
): Promise<ConfigFindings> {
  const config = loadConfig(file, anyJobSchema, overrides);
  const title = row("config", `${file}, job ${config.job}`);
  if (!isImagenet(config)) {
    const budget = row("memory", `the budget is ${config.memory_gib} GiB; only ImageNet's jobs are estimated`);
    return { lines: [title, budget], problems: [] };
  }
  const { lines, problems } = await examineImagenet(config, room);
  return { lines: [title, ...lines], problems };
}

async function examineImagenet(
  config: ImagenetConfig,
  { limits, availableBytes }: MachineRoom,
): Promise<ConfigFindings> {
  const missing = await missingFiles(config);
  const there = neededFiles(config).filter(({ key }) => !missing.some((file) => file.key === key));
  const demand = demandOf(config, await clipsOf(config), limits);
  return {
    lines: [
      ...there.map(({ path }) => row("file", `${path} is there`)),
      ...missing.map((file) => row("missing", missingLine(file))),
      ...demand.parts.map(({ name, bytes }) => row("memory", `${name} ${gib(bytes)}`)),
      row("memory", `about ${gib(totalOf(demand.parts))} in all, the budget is ${config.memory_gib} GiB`),
      row("largest", `${demand.largestBuffer.name}, ${gib(demand.largestBuffer.bytes)}`),
    ],
    problems: [
      ...(missing.length ? [`${missing.length} of ${there.length + missing.length} files are missing`] : []),
      ...objections(demand, config, limits, availableBytes),
    ],
  };
}

function isImagenet(config: JobConfig): config is JobConfig & ImagenetConfig {
  return config.job.startsWith("imagenet_");
}

function row(label: string, text: string): string {
  return label.padEnd(11) + text;
}
