import shaderText from "../../shaders/gradient_norm.wgsl" with { type: "text" };
import type { ShaderSource } from "../gpu/kernel.ts";
import { foldGrid } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { groupBySize, slotParams } from "./tensor_groups.ts";

const shader: ShaderSource = { name: "gradient_norm", text: shaderText };

/** Elements of the largest tensor that one lane squares, and partial sums that one lane adds. */
const elementsPerLane = 512, sumsPerLane = 1024;

/**
 * Writes the global norm of the gradients, `sqrt(sum g^2)` over all elements of all tensors, into `norm`, `[1]`. The
 * order of the additions is fixed by the sizes, so equal gradients give equal bits.
 */
export function gradientNorm(grads: readonly Tensor[], norm: Tensor): void {
  const { device } = norm;
  const sizes = grads.map(({ size }) => size);
  const groups = groupBySize(device, sizes, 1, 1).map((group) => ({
    ...group,
    lanes: Math.ceil(group.largest / elementsPerLane),
  }));
  let count = groups.reduce((sum, { lanes }) => sum + lanes, 0);
  let partials = device.empty([count], "f32", "gradient norm");
  let first = 0;
  for (const { members, lanes } of groups) {
    device.launch(shader, "squares", {
      read: members.map((i) => grads[i]!),
      write: [partials],
      params: { ...slotParams("sizes", members.map((i) => sizes[i]!)), first, lanes, count },
      overrides: { SLOTS: members.length },
      grid: foldGrid(Math.ceil(lanes / 64)),
    });
    first += lanes;
  }
  do {
    const lanes = Math.ceil(count / sumsPerLane);
    const totals = lanes === 1 ? norm : device.empty([lanes], "f32", "gradient norm");
    device.launch(shader, "sums", {
      read: [partials],
      write: [totals],
      params: { ...slotParams("sizes", []), first: 0, lanes, count },
      overrides: { CHUNK: sumsPerLane },
      grid: foldGrid(Math.ceil(lanes / 64)),
    });
    partials = totals;
    count = lanes;
  } while (count > 1);
}
