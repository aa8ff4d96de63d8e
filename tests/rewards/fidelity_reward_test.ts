import assert from "node:assert/strict";
import { ArpgDecoder } from "../../src/models/arpg_decoder.ts";
import { cellOrder } from "../../src/models/decode_order.ts";
import { FrozenArpg } from "../../src/models/frozen_arpg.ts";
import { FidelityReward } from "../../src/rewards/fidelity_reward.ts";
import { tinyArpg } from "../models/tiny_arpg.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";

const cells = 16, batch = 48;

Deno.test("FidelityReward: 1 for a cell a step, the lower the more at once, and a mean of at most 1", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = tinyArpg(device), frozen = await FrozenArpg.of(model);
  const drawnFrom = { guidance: { scale: 1.5, form: "constant" }, temperature: 0.9 } as const;
  const reward = new FidelityReward(model, drawnFrom, batch);
  const classes = Int32Array.from({ length: batch }, (_, b) => b % 3);
  const logs: number[] = [];
  for (const groups of [Array<number>(16).fill(1), [2, 2, 4, 4, 4], [16]]) {
    using decoder = new ArpgDecoder(frozen, { batch, plan: { groups }, logProbs: true, ...drawnFrom });
    const { tokens, painted, logProbs } = decoder.decode({
      classes,
      order: Int32Array.from([...classes.keys()].flatMap((b) => [...cellOrder("random", cells, 3, b)])),
      samples: Int32Array.from(classes.keys()),
      seed: 2,
    });
    const images = device.zeros([batch, 1, 8, 8]);
    const found = await reward.score({ images, classes: device.tensor(classes), tokens, painted, logProbs: logProbs! })
      .data();
    if (groups.length === 16) assertAllClose(found, new Float32Array(batch).fill(1), 1e-5);
    logs.push(Array.from(found, Math.log).reduce((a, b) => a + b) / batch);
  }
  frozen.dispose();
  assert.ok(logs[1]! < -0.1 && logs[2]! < logs[1]! - 0.1, `KL a token: ${logs}`);
});

Deno.test("FidelityReward refuses images without tokens and other numbers of them", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const reward = new FidelityReward(tinyArpg(device), { guidance: { scale: 1, form: "constant" }, temperature: 1 }, 2);
  const images = device.zeros([2, 1, 8, 8]), classes = device.zeros([2], "i32");
  assert.throws(() => reward.score({ images, classes }), {
    name: "RangeError",
    message: "Cannot apply fidelity: the images come without tokens, steps and log-probabilities",
  });
  const tokens = device.zeros([3, cells], "i32");
  assert.throws(() => reward.score({ images, classes, tokens, painted: tokens, logProbs: device.zeros([3, cells]) }), {
    name: "RangeError",
    message: "Cannot apply fidelity: wanted 2 images, got 3",
  });
});
