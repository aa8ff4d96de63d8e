import type { ShaderSource } from "../gpu/kernel.ts";
import { type Device, type DispatchGrid, foldGrid, type Launch } from "../tensor/device.ts";
import type { Run } from "./op.ts";

/** Lanes of a workgroup where each has a row. */
export const rowsPerGroup = 32;

/** Whether a workgroup shares each row, as GPUs want it; else a lane walks it. */
export function groupPerRow(device: Device): boolean {
  return device.gpu.table.rows === "block";
}

/**
 * Launches a kernel that reduces rows: entry point `entry` of `block` with a workgroup per row where the table says so,
 * else `plainEntry` of the op's own shader with a lane per row. Both have the same bindings and params.
 *
 * @param grid workgroups where only the device knows the rows, for the family that {@link groupPerRow} tells.
 */
export function launchRows(
  run: Run,
  block: ShaderSource,
  entry: string,
  rows: number,
  cols: number,
  { plainEntry = entry, grid, ...launch }: Omit<Launch, "grid" | "overrides"> & {
    readonly plainEntry?: string;
    readonly grid?: DispatchGrid;
  },
): void {
  if (!groupPerRow(run.device)) {
    run.kernel(plainEntry, { ...launch, grid: grid ?? foldGrid(Math.ceil(rows / rowsPerGroup)) });
    return;
  }
  const overrides = { WG: cols > 512 ? 256 : cols > 64 ? 64 : 32 };
  run.device.launch(block, entry, { ...launch, overrides, grid: grid ?? foldGrid(rows) });
}
