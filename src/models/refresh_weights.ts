import shader from "../../shaders/pack_weights.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type PackedWeight, turn } from "./frozen_weights.ts";

const source = { name: "pack_weights", text: shader };

/** Records what `packWeights` does on the host, into a weight that it has packed, of matrices `[out, in]` on the device. */
export function repackWeights(weight: PackedWeight, matrices: readonly Tensor[], gain?: Tensor): void {
  let first4 = 0;
  for (const matrix of matrices) {
    const columns = Math.ceil(matrix.shape[0]! / 4);
    repack(weight, matrix, gain, { first4, turn4: columns });
    first4 += columns;
  }
}

/** Records what `packGated` does on the host, into a weight that it has packed. */
export function repackGated(weight: PackedWeight, gate: Tensor, value: Tensor, gain: Tensor): void {
  repack(weight, gate, gain, { first4: 0, turn4: turn / 4 });
  repack(weight, value, gain, { first4: turn / 4, turn4: turn / 4 });
}

/** Records a copy of a table into the texture that holds it. */
export function rewriteTable(texture: Tensor, table: Tensor): void {
  const n = table.size / 4;
  table.device.launch(source, "copy", {
    read: [table],
    write: [texture],
    params: { n, out: 0, inner: 0, columns4: 0, first4: 0, turn4: 1 },
    overrides: { HALF: halfOf(texture) },
    grid: foldGrid(Math.ceil(n / 64)),
    cost: { bytes: 8 * table.size },
  });
}

function repack(
  { texture, out: columns }: PackedWeight,
  matrix: Tensor,
  gain: Tensor | undefined,
  place: { readonly first4: number; readonly turn4: number },
): void {
  const [out, inner] = matrix.shape as [number, number];
  const n = Math.ceil(out / 4) * inner;
  matrix.device.launch(source, "forward", {
    read: [matrix, gain ?? matrix],
    write: [texture],
    params: { n, out, inner, columns4: columns / 4, ...place },
    overrides: { GAIN: gain ? 1 : 0, HALF: halfOf(texture) },
    grid: foldGrid(Math.ceil(n / 64)),
    cost: { bytes: 32 * n },
  });
}

function halfOf(texture: Tensor): number {
  return texture.storage.pooled.kind === "half" ? 1 : 0;
}
