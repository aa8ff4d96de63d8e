import type { Feature, OpenedAdapter } from "../gpu/adapter.ts";
import { adapterClass, defaultTable, type HeavyOp, type KernelTable } from "../gpu/kernel_table.ts";
import { adviseNvidia, type PlatformFacts } from "./driver_plan.ts";

/** What the doctor looks at. */
export interface MachineFacts {
  /** Runtime and system, for reports: `Deno 2.9.6 on linux x86_64`. */
  readonly runtime: string;
  /** Facts that decide about drivers. */
  readonly platform: PlatformFacts;
  /** Logical processor cores. */
  readonly cores: number;
  /** Main memory that programs can still get, in bytes. */
  readonly availableBytes: number;
  /** What WebGPU found. */
  readonly adapter: Pick<OpenedAdapter, "name" | "software" | "features" | "subgroupSize">;
  /** The kernels that commands use on it: those that `deno task tune` kept, or the defaults. */
  readonly kernels: KernelTable;
  /** The limits that the device grants. */
  readonly limits: Pick<
    GPUSupportedLimits,
    | "maxBufferSize"
    | "maxStorageBufferBindingSize"
    | "maxComputeInvocationsPerWorkgroup"
    | "maxComputeWorkgroupStorageSize"
  >;
}

/** What each feature's absence costs. */
const costs: Readonly<Record<Feature, string>> = {
  "subgroups": "missing: subgroups, without which software adapters run plain kernels; those of GPUs need none",
  "timestamp-query": "missing: timestamp-query, so kernels cannot be profiled",
  "shader-f16": "missing: shader-f16, which no kernel needs so far",
};
const wanted = Object.keys(costs) as Feature[];

/** The doctor's findings: a table of what there is, then a line for everything that is slow or missing. */
export function diagnose(facts: MachineFacts): string[] {
  const { adapter, limits } = facts;
  const granted = wanted.filter((name) => adapter.features.has(name));
  const refused = wanted.filter((name) => !adapter.features.has(name));
  const rows = [
    ["runtime", facts.runtime],
    ["adapter", adapter.name],
    ["runs on", adapter.software ? `the CPU, ${facts.cores} cores` : "the GPU"],
    ["kernels", kernelsOf(facts)],
    ["granted", granted.join(", ") || "no optional feature"],
    ["refused", refused.join(", ") || "nothing"],
    ["tensor", `at most ${size(Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize))}`],
    [
      "workgroup",
      `${limits.maxComputeInvocationsPerWorkgroup} invocations, ${size(limits.maxComputeWorkgroupStorageSize)} shared`,
    ],
    ["memory", adapter.software ? `${size(facts.availableBytes)} available` : "WebGPU does not tell a GPU's memory"],
  ];
  return [...rows.map(([label, value]) => `${label!.padEnd(11)}${value}`), ...advise(facts, refused)];
}

/** What runs by default in words; choices by name. */
function kernelsOf({ adapter, kernels }: MachineFacts): string {
  const defaults = defaultTable(adapter);
  const changed = Object.entries(kernels).filter(([op, family]) => family !== defaults[op as HeavyOp]);
  const byDefault = defaults.matmul === "lane"
    ? "tiles for subgroups of 8 lanes"
    : defaults.matmul === "plain"
    ? "plain ones, a lane per result"
    : `tiles in workgroup memory, as for ${adapterClass(adapter)} GPUs`;
  if (changed.length === 0) return byDefault;
  return `${byDefault}; by deno task tune ${changed.map((choice) => choice.join(" ")).join(", ")}`;
}

function advise({ adapter, platform }: MachineFacts, refused: readonly Feature[]): string[] {
  const slow = "slow: no GPU driver was found, so the CPU computes everything; a GPU with a working Vulkan, Metal or " +
    "Direct3D 12 driver is used without any setting";
  const advice = adapter.software ? [slow, ...adviseNvidia(platform)] : [];
  advice.push(...refused.map((name) => costs[name]));
  return advice.length ? advice : ["Nothing is missing"];
}

function size(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  return `${Number((bytes / 1024 ** power).toFixed(1))} ${units[power]}`;
}
