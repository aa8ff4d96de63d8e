import assert from "node:assert/strict";
import { Scalar } from "../../src/gpu/params.ts";
import { RolloutRows, tokenLogProbs } from "../../src/rl/pixel_rollout.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { tinyGenerator } from "./tiny_generator.ts";

Deno.test("RolloutRows: tokens become images between 0 and 1", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const rows = new RolloutRows(device, tinyGenerator(device), [2, 0]);
  assert.deepEqual([...await rows.classes.data()], [2, 0]);
  const levels = Int32Array.from({ length: 32 }, (_, i) => i % 8);
  const images = rows.images(device.tensor(levels, [2, 16]));
  assert.deepEqual(images.shape, [2, 1, 4, 4]);
  assertAllClose(await images.data(), [...levels].map((level) => level / 7), 1e-6);
});

Deno.test("RolloutRows: every update and every row of a class draws other pictures", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const rows = new RolloutRows(device, tinyGenerator(device), [1, 1]);
  const update = new Scalar(0);
  const draw = async () => [...await rows.rollout({ temperature: 1, seed: 1, update, stream: 1 }).tokens.data()];
  const first = await draw();
  assert.deepEqual(await draw(), first);
  assert.notDeepEqual(first.slice(16), first.slice(0, 16));
  update.value = 1;
  assert.notDeepEqual(await draw(), first);
});

Deno.test("tokenLogProbs: log-softmax at the tokens", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const logits = device.tensor([0, Math.log(3), 5, 5], [1, 2, 2]);
  const tokens = device.tensor(Int32Array.of(1, 0), [1, 2]);
  assertAllClose(await tokenLogProbs(logits, tokens).data(), [Math.log(3 / 4), Math.log(1 / 2)], 1e-6);
});
