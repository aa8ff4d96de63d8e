import assert from "node:assert/strict";
import { placesOf } from "../../src/data/pixel_sequences.ts";
import type { GenerateOptions, LstmGenerator } from "../../src/models/lstm_generator.ts";
import { argmax } from "../../src/ops/argmax.ts";
import { RolloutRows, tokenLogProbs } from "../../src/rl/pixel_rollout.ts";
import { tinyConfig, tinyGenerator } from "../rl/tiny_generator.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";

const key: GenerateOptions["key"] = { seed: 3, stream: 0, purpose: 1 };

/** Pictures of the classes 0, 1, 2, 0, ... with the row keys `first`, `first + 1`, .... */
async function paint(model: LstmGenerator, n: number, options: Partial<GenerateOptions> = {}, first = 0) {
  const device = await testDevice();
  using _scope = device.scope();
  const rows = Int32Array.from({ length: n }, (_, i) => first + i);
  const classes = device.tensor(rows.map((row) => row % tinyConfig.classes));
  const { tokens } = model.generate(classes, device.tensor(rows), { temperature: 1, key, ...options });
  return [...await tokens.data()];
}

Deno.test("LstmGenerator: parameters of both inputs under their published names", async () => {
  const device = await testDevice();
  const lstm = ["lstm.weight_ih_l0", "lstm.weight_hh_l0", "lstm.bias_ih_l0", "lstm.bias_hh_l0"];
  const plain = ["embedding.weight", ...lstm, "output.weight", "output.bias"];
  assert.deepEqual([...tinyGenerator(device, { input: "plain" }).parameters().keys()], plain);
  const contextual = tinyGenerator(device).parameters();
  assert.deepEqual([...contextual.keys()], [...plain, "position.weight", "class.weight", "value.weight"]);
  assert.deepEqual([...contextual].filter(([name]) => /^[^lo]/.test(name)).map(([, { shape }]) => shape), [
    [11, 16],
    [16, 16],
    [3, 16],
    [1, 16],
  ]);
});

Deno.test("LstmGenerator: the contextual input is the plain one over sums of embeddings", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = tinyGenerator(device);
  const { position, class: classes, value } = model.context!;
  const [table, positions, classRows, [...direction]] = await device.read(
    [model.embedding.weight, position.weight, classes.weight, value.weight],
  ) as [Float32Array, Float32Array, Float32Array, Float32Array];
  const ids = [8 + 2, 5, 7, 0]; // the beginning of class 2, then three pixels
  const x = ids.flatMap((id, t) =>
    direction.map((d, k) =>
      table[id * 16 + k]! + positions[t * 16 + k]! + classRows[2 * 16 + k]! + d * (id < 8 ? id / 7 : 0)
    )
  );
  const { y } = model.lstm.forward(device.tensor(x, [1, 4, 16]));
  const places = device.tensor(placesOf([2], 16, 3).slice(0, 4), [1, 4]);
  const { logits } = model.forward(device.tensor(Int32Array.from(ids), [1, 4]), places);
  assert.deepEqual(logits.shape, [1, 4, 8]);
  assertAllClose(await logits.data(), await model.output.forward(y).data(), 1e-5);
});

Deno.test("LstmGenerator: a batch of 40 equals 40 batches of one, token for token", async () => {
  const model = tinyGenerator(await testDevice());
  const together = await paint(model, 40);
  const alone: number[] = [];
  for (let row = 0; row < 40; row++) alone.push(...await paint(model, 1, {}, row));
  assert.deepEqual(alone, together);
  assert.ok(together.every((level) => level >= 0 && level < 8) && new Set(together).size === 8);
});

Deno.test("LstmGenerator: seed, stream, purpose and row key each change the pictures", async () => {
  const model = tinyGenerator(await testDevice());
  const first = await paint(model, 6);
  assert.deepEqual(await paint(model, 6), first);
  for (const change of [{ seed: 4 }, { stream: 1 }, { purpose: 2 }]) {
    assert.notDeepEqual(await paint(model, 6, { key: { ...key, ...change } }), first);
  }
  assert.notDeepEqual(await paint(model, 6, {}, 3), first, "row keys 3 to 8 for the same classes");
});

Deno.test("LstmGenerator: temperature 0 takes the likeliest level at every pixel, whatever the key", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = tinyGenerator(device);
  const greedy = await paint(model, 6, { temperature: 0 });
  assert.deepEqual(await paint(model, 6, { temperature: 0, key: { ...key, seed: 9 } }), greedy);
  const rows = new RolloutRows(device, model, [0, 1, 2, 0, 1, 2]);
  const tokens = device.tensor(Int32Array.from(greedy), [6, 16]);
  assert.deepEqual([...await argmax(rows.logits(model, tokens, 1)).data()], greedy);
  assert.notDeepEqual(await paint(model, 6), greedy);
});

for (
  const [name, changes] of [
    ["plain", { input: "plain" }],
    ["contextual, two layers", { layers: 2 }],
    ["contextual, odd hidden size", { hidden: 7 }],
  ] as const
) {
  Deno.test(`LstmGenerator: log-probabilities of sampling equal those of teacher forcing, ${name}`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const model = tinyGenerator(device, changes, 1);
    const labels = [0, 1, 2, 2, 1];
    const rows = new RolloutRows(device, model, labels);
    const classes = device.tensor(Int32Array.from(labels));
    const { tokens, logProbs } = model.generate(classes, device.tensor(Int32Array.from(labels.keys())), {
      temperature: 0.7,
      key,
    });
    const forced = tokenLogProbs(rows.logits(model, tokens, 0.7), tokens);
    const drawn = await logProbs.data();
    assertAllClose(await forced.data(), drawn, 1e-5);
    assert.ok(Math.max(...drawn) - Math.min(...drawn) > 2, "far from uniform");
  });
}
