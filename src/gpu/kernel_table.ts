import type { OpenedAdapter } from "./adapter.ts";

/**
 * The families of kernels that each heavy op has; sizes that a family cannot do fall back inside the op.
 *
 * - `plain`: a lane per result, on any adapter; the reference of the others.
 * - `register`: a lane keeps a row of attention in registers; no barriers.
 * - `lane`: software adapters with subgroups of 8 lanes: subgroup broadcast, operands in textures, no barriers; rows in
 *   registers, summed by subgroup shuffles.
 * - `block`: GPUs: tiles in workgroup memory; a number is the side of the tile. All keep to what every WebGPU device
 *   grants: 256 invocations and 16 KiB of workgroup memory.
 *
 * `matmul` also decides for the LSTM, whose products share its textures; `rows` for softmax and its kin, and the norms.
 */
export const kernelFamilies = {
  matmul: ["plain", "lane", "block64", "block128"],
  packedMatmul: ["plain", "lane", "block"],
  rows: ["plain", "lane", "block"],
  attention: ["plain", "register", "lane", "block"],
  conv2d: ["plain", "lane", "block"],
} as const;

/** An op, or a family of ops, with kernels to choose from. */
export type HeavyOp = keyof typeof kernelFamilies;
/** One of an op's families. */
export type KernelFamily<O extends HeavyOp = HeavyOp> = (typeof kernelFamilies)[O][number];
/** Which kernels run on a device. */
export type KernelTable = { readonly [O in HeavyOp]: KernelFamily<O> };

/** What decides about kernels unless they were measured (`deno task tune`). */
export type AdapterClass = "cpu" | "integrated" | "discrete";

/** The defaults. Those of GPUs are not measured: large tiles where many cores have to be fed from memory of their own. */
const defaults: Readonly<Record<AdapterClass, KernelTable>> = {
  cpu: { matmul: "lane", packedMatmul: "lane", rows: "lane", attention: "lane", conv2d: "lane" },
  integrated: { matmul: "block64", packedMatmul: "block", rows: "block", attention: "block", conv2d: "block" },
  discrete: { matmul: "block128", packedMatmul: "block", rows: "block", attention: "block", conv2d: "block" },
};

/** What stands in for `lane` on software adapters without subgroups of 8 lanes: barriers would be ruinous there. */
const withoutLanes: KernelTable = {
  matmul: "plain",
  packedMatmul: "plain",
  rows: "plain",
  attention: "register",
  conv2d: "plain",
};

/** The class of an adapter by its name; WebGPU tells no more. An unknown GPU counts as integrated: its tiles suit all. */
export function adapterClass({ name, software }: Pick<OpenedAdapter, "name" | "software">): AdapterClass {
  if (software) return "cpu";
  return /nvidia|geforce|quadro|tesla|radeon (rx|pro|vii)|instinct|\barc\b/i.test(name) ? "discrete" : "integrated";
}

/** Whether an adapter can run a family. */
export function familyRuns(family: KernelFamily, { subgroupSize }: Pick<OpenedAdapter, "subgroupSize">): boolean {
  return family !== "lane" || subgroupSize === 8;
}

/** The kernels of an adapter that nobody measured. */
export function defaultTable(adapter: Pick<OpenedAdapter, "name" | "software" | "subgroupSize">): KernelTable {
  const table = defaults[adapterClass(adapter)];
  return Object.values(table).every((family) => familyRuns(family, adapter)) ? table : withoutLanes;
}
