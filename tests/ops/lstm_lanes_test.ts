import { laneLayer } from "../../src/ops/lstm_lanes.ts";
import type { LstmInputs } from "../../src/ops/lstm_sizes.ts";
import { stepLayer } from "../../src/ops/lstm_steps.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { deviceWith } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

const ignore = (await deviceWith({ matmul: "lane" })).gpu.adapter.subgroupSize !== 8;

Deno.test({ name: "laneLayer: what stepLayer gives, forward and backward (needs llvmpipe)", ignore }, async () => {
  const device = await deviceWith({ matmul: "lane" });
  using _scope = device.scope();
  for (const [b, steps, input, h] of [[1, 1, 4, 4], [3, 5, 8, 12], [20, 2, 12, 36]] as const) {
    const random = seededRandom(b),
      shapes = [[b, steps, input], [4 * h, input], [4 * h, h], [4 * h], [4 * h], [b, h], [b, h]];
    const filled = (shape: readonly number[]) =>
      device.tensor(Float32Array.from({ length: shape.reduce((x, y) => x * y, 1) }, () => random() - 0.5), [...shape]);
    const inputs = shapes.map(filled) as LstmInputs;
    const grads = [filled([b, steps, h]), filled([b, h])], wanted = inputs.map(() => true);
    const [lanes, plain] = [laneLayer, stepLayer].map((layer) => {
      const run = layer(device, inputs, { b, steps, input, h });
      return [run.y, run.last, ...run.backward(grads, wanted).map((grad) => grad!)];
    });
    for (const [i, tensor] of lanes!.entries()) {
      assertAllClose(await tensor.data(), await plain![i]!.data(), 1e-5, `${b} ${steps} ${input} ${h}: ${i}`);
    }
  }
});
