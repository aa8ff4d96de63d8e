import assert from "node:assert/strict";
import { uniform } from "../../bench/host_data.ts";
import { measurePeak } from "../../bench/peak.ts";
import { stippleKernel } from "../../bench/stipple_contender.ts";
import { lstmCase } from "../../bench/suites/step_cases.ts";
import { stippleStep } from "../../bench/suites/steps.ts";
import { mul } from "../../src/ops/elementwise_binary.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";

Deno.test("stippleKernel: outputs, or the gradients of their weighted sum", async () => {
  const device = await testDevice();
  const inputs = [uniform(1, [5]), uniform(2, [5])], weights = [uniform(3, [5])];
  const [a, b] = inputs.map(({ data }) => data), w = weights[0]!.data;
  const product = (x?: Parameters<typeof mul>[0], y?: Parameters<typeof mul>[0]) => ({ record: () => [mul(x!, y!)] });
  const forward = stippleKernel(device, { name: "add", inputs }, product);
  const backward = stippleKernel(device, { name: "add", inputs, weights }, product);
  for (
    const [contender, wanted] of [[backward, [b!, a!].map((x) => x.map((value, i) => value * w[i]!))], [
      forward,
      [a!.map((value, i) => value * b![i]!)],
    ]] as const
  ) {
    await contender.run();
    await contender.settle();
    const results = await contender.results();
    assert.equal(results.length, wanted.length);
    wanted.forEach((values, i) => assertAllClose(results[i]!, values, 1e-6));
  }
  backward.dispose();
  forward.dispose();
});

Deno.test("stippleStep: training lowers the loss, and its replays allocate nothing", async () => {
  const device = await testDevice();
  const contender = stippleStep(device, lstmCase(2, 3));
  const lossAfter = async (steps: number) => {
    for (let i = 0; i < steps; i++) await contender.run();
    return (await contender.results())[0]![0]!;
  };
  const first = await lossAfter(1), { created } = device.gpu.pool.counters;
  assert.ok(await lossAfter(20) < 0.9 * first);
  assert.equal(device.gpu.pool.counters.created, created);
  contender.dispose();
});

Deno.test("measurePeak: both kernels compute, and take time", async () => {
  const { gflops, gbytes } = await measurePeak(await testDevice(), { rounds: 1, milliseconds: 0 });
  assert.ok(gflops > 0 && gflops < 1e6, `${gflops}`);
  assert.ok(gbytes > 0 && gbytes < 1e5, `${gbytes}`);
});
