import type { Initializer } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";

/** A last layer that says nothing yet: weight and bias start at exactly 0, so that what follows decides alone. */
export function zeroLinear(init: Initializer, inputs: number, outputs: number): Linear {
  const linear = new Linear(init, inputs, outputs);
  for (const tensor of linear.parameters().values()) tensor.write(new Float32Array(tensor.size));
  return linear;
}
