import type { LstmInputs } from "../../src/ops/lstm_sizes.ts";
import { stepLayer } from "../../src/ops/lstm_steps.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { deviceWith } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

Deno.test("stepLayer: tiles in workgroup memory give what single lanes give, forward and backward", async () => {
  const [b, steps, input, h] = [17, 2, 5, 18];
  const layer = async (family: "plain" | "block64") => {
    const device = await deviceWith({ matmul: family }), random = seededRandom(4);
    using _scope = device.scope();
    const filled = (...shape: number[]) =>
      device.tensor(Float32Array.from({ length: shape.reduce((x, y) => x * y, 1) }, () => random() - 0.5), shape);
    const weights = [filled(4 * h, input), filled(4 * h, h), filled(4 * h), filled(4 * h)] as const;
    const inputs: LstmInputs = [filled(b, steps, input), ...weights, filled(b, h), filled(b, h)];
    const run = stepLayer(device, inputs, { b, steps, input, h });
    const grads = run.backward([filled(b, steps, h), filled(b, h)], inputs.map(() => true));
    return await device.read([run.y, run.last, ...grads.map((grad) => grad!)]);
  };
  const [plain, block] = [await layer("plain"), await layer("block64")];
  for (const [i, values] of block.entries()) assertAllClose(values, plain[i]!, 1e-5, `${i}`);
});
