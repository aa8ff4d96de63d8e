import assert from "node:assert/strict";
import { combineRewards } from "../../src/rewards/combine.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";

Deno.test("combineRewards: sum of weight r, product of r^weight clamped to [1e-6, 1], NaN stays", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const parts = [
    { scores: device.tensor([0.5, 1, 0, 0.25, NaN, 0.5]), weight: 2 },
    { scores: device.tensor([0.2, 0.4, 0.5, 1.5, 0.5, NaN]), weight: 0.5 },
  ];
  assertAllClose(await combineRewards(parts, "sum").data(), [1.1, 2.2, 0.25, 1.25, NaN, NaN], 1e-6);
  const product = [0.25 * Math.sqrt(0.2), Math.sqrt(0.4), 1e-12 * Math.sqrt(0.5), 0.0625, NaN, NaN];
  assertAllClose(await combineRewards(parts, "product").data(), product, 1e-6);
});

Deno.test("combineRewards: in a product one bad part spoils what a sum forgives", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const parts = [device.tensor([1, 0.6]), device.tensor([0.01, 0.4])].map((scores) => ({ scores, weight: 1 }));
  const [sum, product] = [combineRewards(parts, "sum"), combineRewards(parts, "product")];
  const [sums, products] = await device.read([sum, product]);
  assert.ok(sums![0]! > sums![1]! && products![0]! < products![1]!);
});

Deno.test("combineRewards refuses to combine nothing", () => {
  assert.throws(() => combineRewards([], "sum"), {
    name: "RangeError",
    message: "Cannot combine rewards: there is none; name one in the config",
  });
});
