import shader from "../../shaders/sum_parts.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { type Shape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { sum } from "./reduce.ts";

const source = { name: "sum_parts", text: shader };
/** What one lane adds; more parts take further levels. */
const mostParts = 32768;

/**
 * Second level of a long sum: `[parts, ..] -> shape`, the first axis summed in a fixed order. A lane may run only
 * 65,535 loop iterations on software adapters, so kernels that reduce over a batch write partial sums first. One part
 * is its own sum and costs nothing. Not on the tape.
 */
export function sumParts(partial: Tensor, shape: Shape): Tensor {
  const parts = partial.shape[0]!;
  if (parts === 1) return partial.view(shape);
  if (parts > mostParts) return sum(partial, 0).view(shape);
  const n = sizeOf(shape);
  const total = partial.device.empty(shape, "f32", "sum_parts");
  partial.device.launch(source, "forward", {
    read: [partial],
    write: [total],
    params: { n, parts },
    grid: foldGrid(Math.ceil(n / 32)),
    cost: { flops: n * parts, bytes: 4 * n * (parts + 1) },
  });
  return total;
}
