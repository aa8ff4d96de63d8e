import type { ShaderSource } from "../gpu/kernel.ts";
import { type Device, type DispatchGrid, foldGrid, type Launch } from "../tensor/device.ts";
import type { Run } from "./op.ts";

/** Lanes of a workgroup where each has a row. */
export const rowsPerGroup = 32;

/** Whether a workgroup shares each row, as GPUs want it; else a lane walks it. */
export function groupPerRow(device: Device): boolean {
  return device.gpu.table.rows === "block";
}

/** Elements of a row that 8 lanes keep in registers at most: twice as many would take seconds to compile. */
const widestLaneRow = 1024;
/** Elements up to which launching costs more than computing, and compiling more than both. */
const fewElements = 4096;
/** Most rows of a subgroup: they share what is the same for all rows. */
const mostShared = 16;

/**
 * How 8 lanes share rows: the vec4 of a row that a lane owns, and the rows that a subgroup takes. Null where a lane
 * walks each row instead: for few elements, for rows that are too long or no multiple of 4, and where the table does not
 * name lanes.
 */
export function lanesPerRow(device: Device, rows: number, cols: number): { own: number; share: number } | null {
  if (device.gpu.table.rows !== "lane") return null;
  if (cols % 4 || cols > widestLaneRow || rows * cols <= fewElements) return null;
  const own = 2 ** Math.ceil(Math.log2(Math.ceil(cols / 32)));
  return { own, share: Math.min(mostShared, Math.ceil(rows / 64)) };
}

/**
 * Launches a kernel that reduces rows: entry point `entry` of `block` with a workgroup per row where the table says so,
 * that of `lane`, where the op has one, as {@link lanesPerRow} says, else `plainEntry` of the op's own shader with a lane
 * per row. All have the same bindings and params, but for the `share` of `lane`.
 *
 * @param grid workgroups where only the device knows the rows, for the family that {@link groupPerRow} tells.
 */
export function launchRows(
  run: Run,
  block: ShaderSource,
  entry: string,
  rows: number,
  cols: number,
  { plainEntry = entry, lane, grid, ...launch }: Omit<Launch, "grid" | "overrides"> & {
    readonly plainEntry?: string;
    readonly lane?: ShaderSource;
    readonly grid?: DispatchGrid;
  },
): void {
  const lanes = lane && !grid && lanesPerRow(run.device, rows, cols);
  if (lanes) {
    const { own: OWN, share } = lanes;
    const params = { ...launch.params, share };
    run.device.launch(lane, entry, { ...launch, params, overrides: { OWN }, grid: foldGrid(Math.ceil(rows / share)) });
    return;
  }
  if (!groupPerRow(run.device)) {
    run.kernel(plainEntry, { ...launch, grid: grid ?? foldGrid(Math.ceil(rows / rowsPerGroup)) });
    return;
  }
  const overrides = { WG: cols > 512 ? 256 : cols > 64 ? 64 : 32 };
  run.device.launch(block, entry, { ...launch, overrides, grid: grid ?? foldGrid(rows) });
}
