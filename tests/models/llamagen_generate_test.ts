import assert from "node:assert/strict";
import { Scalar } from "../../src/gpu/params.ts";
import type { LlamaGen } from "../../src/models/llamagen.ts";
import type { LlamaGenDecodeOptions } from "../../src/models/llamagen_decoder.ts";
import { LlamaGenPainter } from "../../src/models/llamagen_painter.ts";
import { argmax } from "../../src/ops/argmax.ts";
import { crossEntropy } from "../../src/ops/cross_entropy.ts";
import { mul } from "../../src/ops/elementwise_binary.ts";
import { neg } from "../../src/ops/elementwise_unary.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { tinyConfig, tinyLlamaGen } from "./tiny_llamagen.ts";

const key: LlamaGenDecodeOptions["key"] = { seed: 3, stream: 0, purpose: 1 };
const { cells, vocab, classes: classCount } = tinyConfig;

/** Row keys `first`, `first + 1`, ... and their classes, 0, 1, 2, 3, 0, .... */
function rowsOf(count: number, first = 0) {
  const keys = Int32Array.from({ length: count }, (_, i) => first + i);
  return { keys, classes: keys.map((row) => row % classCount) };
}

/** Images of {@link rowsOf}. */
async function paint(model: LlamaGen, count: number, options: Partial<LlamaGenDecodeOptions> = {}, first = 0) {
  const { device } = model.rotary;
  using _scope = device.scope();
  const { keys, classes } = rowsOf(count, first);
  const { tokens } = model.generate(device.tensor(classes), device.tensor(keys), { temperature: 1, key, ...options });
  return [...await tokens.data()];
}

for (const guidance of [1, 3]) {
  Deno.test(`LlamaGen: a batch of 20 equals 20 batches of one, token for token, guidance ${guidance}`, async () => {
    const model = tinyLlamaGen(await testDevice());
    const options = { guidance, temperature: 1.5 };
    const together = await paint(model, 20, options);
    const alone: number[] = [];
    for (let row = 0; row < 20; row++) alone.push(...await paint(model, 1, options, row));
    assert.deepEqual(alone, together);
    assert.ok(together.every((id) => id >= 0 && id < vocab) && new Set(together).size > vocab / 2);
  });
}

for (
  const [name, changes, options] of [
    ["without guidance", {}, { temperature: 0.7 }],
    ["with guidance", {}, { guidance: 2, temperature: 1.3 }],
    ["sizes that no tile divides", { vocab: 19, multiple_of: 1, layers: 3 }, { guidance: 1.5 }],
    ["one cell", { cells: 1 }, { guidance: 2 }],
  ] as const
) {
  Deno.test(`LlamaGen: cached decoding equals teacher forcing, ${name}`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const model = tinyLlamaGen(device, changes);
    const { keys, classes } = rowsOf(5);
    const given = { temperature: 1, guidance: 1, ...options };
    const labels = device.tensor(classes);
    const { tokens, logProbs, logits } = model.generate(labels, device.tensor(keys), {
      ...given,
      key,
      keepLogits: true,
    });
    const forced = model.guidedLogits(tokens, labels, given.guidance);
    const forcedLogProbs = neg(crossEntropy(mul(forced, 1 / given.temperature), tokens));
    const [drawn, drawnLogits, expected, expectedLogits] = await device.read([
      logProbs,
      logits!,
      forcedLogProbs,
      forced,
    ]);
    assert.deepEqual(logits!.shape, [5, model.config.cells, model.config.vocab]);
    assertAllClose(drawnLogits!, expectedLogits!, 1e-5, "logits");
    assertAllClose(drawn!, expected!, 1e-5, "log-probabilities");
    assert.ok(Math.max(...drawn!) - Math.min(...drawn!) > 1, "far from uniform");
  });
}

Deno.test("LlamaGen: guidance 1 is no guidance and needs no second pass", async () => {
  const device = await testDevice();
  const model = tinyLlamaGen(device);
  const plain = await paint(model, 6);
  const bytes = (guidance: number) => {
    using _scope = device.scope();
    const before = device.gpu.pool.counters.liveBytes;
    const painter = new LlamaGenPainter(model, 64, { temperature: 1, key, guidance });
    const used = device.gpu.pool.counters.liveBytes - before;
    painter.dispose();
    return used;
  };
  assert.deepEqual(await paint(model, 6, { guidance: 1 }), plain);
  assert.notDeepEqual(await paint(model, 6, { guidance: 4 }), plain);
  assert.ok(bytes(1) < 0.7 * bytes(1.01), "half the caches");
});

Deno.test("LlamaGen: guidance 0 paints without class", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = tinyLlamaGen(device);
  const keys = device.tensor(rowsOf(6).keys), none = device.full([6], -1, "i32");
  const { tokens } = model.generate(none, keys, { temperature: 1, key });
  assert.deepEqual(await paint(model, 6, { guidance: 0 }), [...await tokens.data()]);
});

Deno.test("LlamaGen: seed, stream, purpose and row key each change the images", async () => {
  const model = tinyLlamaGen(await testDevice());
  const first = await paint(model, 4);
  assert.deepEqual(await paint(model, 4), first);
  for (const change of [{ seed: 4 }, { stream: 1 }, { purpose: 2 }]) {
    assert.notDeepEqual(await paint(model, 4, { key: { ...key, ...change } }), first);
  }
  assert.notDeepEqual(await paint(model, 4, {}, 4), first, "row keys 4 to 7 for the same classes");
});

Deno.test("LlamaGen: temperature 0, top-k 1 and a tiny top-p take the likeliest token of every cell", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = tinyLlamaGen(device);
  const greedy = await paint(model, 4, { temperature: 0, guidance: 2 });
  const tokens = device.tensor(Int32Array.from(greedy), [4, cells]);
  const logits = model.guidedLogits(tokens, device.tensor(rowsOf(4).classes), 2);
  assert.deepEqual([...await argmax(logits).data()], greedy);
  for (const options of [{ topK: 1 }, { topP: 1e-6 }]) {
    assert.deepEqual(await paint(model, 4, { ...options, guidance: 2, temperature: 1.2 }), greedy);
  }
  assert.notDeepEqual(await paint(model, 4, { guidance: 2 }), greedy);
});

Deno.test("LlamaGenPainter: replayed batches equal generate, follow weights and keys, with a submit a cell", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = tinyLlamaGen(device), seed = new Scalar(3);
  const options = { temperature: 1, guidance: 2, topK: 9, topP: 0.95 };
  const painter = new LlamaGenPainter(model, 3, { ...options, key: { ...key, seed } });
  const batch = async (first: number) => {
    const { keys, classes } = rowsOf(3, first);
    return [...await painter.paint(classes, keys)];
  };
  for (const first of [0, 3]) assert.deepEqual(await batch(first), await paint(model, 3, options, first));
  seed.value = 8;
  assert.deepEqual(await batch(0), await paint(model, 3, { ...options, key: { ...key, seed: 8 } }));

  const before = { ...device.gpu.recorder.counters, created: device.gpu.pool.counters.created };
  await batch(0);
  assert.equal(device.gpu.recorder.counters.submits - before.submits, cells + 1, "a submit a cell and one to read");
  assert.equal(device.gpu.pool.counters.created, before.created, "a replay allocates nothing");

  model.output.weight.write((await model.output.weight.data() as Float32Array).map((weight) => -weight));
  assert.deepEqual(await batch(0), await paint(model, 3, { ...options, key: { ...key, seed: 8 } }));
});

Deno.test("LlamaGenPainter gives all of its memory back, generate all but the images", async () => {
  const device = await testDevice();
  const model = tinyLlamaGen(device), { counters } = device.gpu.pool;
  const live = counters.liveBytes;
  const painter = new LlamaGenPainter(model, 2, { temperature: 1, guidance: 2, key, keepLogits: true });
  assert.ok(counters.liveBytes > live);
  painter.dispose();
  painter.dispose();
  assert.equal(counters.liveBytes, live);
  const ids = device.zeros([2], "i32"), rows = device.tensor(Int32Array.of(0, 1));
  const before = counters.liveBytes;
  const { tokens, logProbs, logits } = model.generate(ids, rows, { temperature: 1, guidance: 2, key });
  assert.equal(logits, null);
  for (const tensor of [tokens, logProbs]) tensor.dispose();
  assert.equal(counters.liveBytes, before);
});

Deno.test("LlamaGen: generate can be captured by a trainer", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = tinyLlamaGen(device), stream = new Scalar(0);
  const { keys, classes } = rowsOf(4);
  const labels = device.tensor(classes), rows = device.tensor(keys);
  const captured = device.capture(() => model.generate(labels, rows, { temperature: 1, key: { ...key, stream } }));
  for (const value of [1, 2]) {
    stream.value = value;
    captured.replay();
    assert.deepEqual(
      [...await captured.result.tokens.data()],
      await paint(model, 4, { key: { ...key, stream: value } }),
    );
  }
  captured.dispose();
});

Deno.test("LlamaGen: refuses a guidance that is no number, and rows that do not match", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = tinyLlamaGen(device), ids = device.zeros([2], "i32");
  const refuses = (rows: typeof ids, guidance: number, message: string) =>
    assert.throws(() => model.generate(ids, rows, { temperature: 1, key, guidance }), { name: "RangeError", message });
  refuses(ids, NaN, "Cannot guide by NaN: wanted a finite number");
  refuses(device.zeros([3], "i32"), 1, "Cannot apply LlamaGen: row keys must have shape [2], got [3]");
});
