import assert from "node:assert/strict";
import { keyedDropouts } from "../../src/models/dropouts.ts";
import { LlamaGen } from "../../src/models/llamagen.ts";
import { llamaGenPresets, llamaGenShapes } from "../../src/models/llamagen_config.ts";
import { keepMask } from "../../src/nn/dropout.ts";
import { Initializer } from "../../src/nn/init.ts";
import type { Device } from "../../src/tensor/device.ts";
import { sizeOf } from "../../src/tensor/shape.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { tinyConfig, tinyLlamaGen } from "./tiny_llamagen.ts";

/** Tokens of `count` images that differ, i32 `[count, T]`. */
function someTokens(device: Device, count: number, cells = tinyConfig.cells) {
  const ids = Int32Array.from({ length: count * cells }, (_, i) => (7 * i + i * i) % tinyConfig.vocab);
  return device.tensor(ids, [count, cells]);
}

const classesOf = (device: Device, ...labels: number[]) => device.tensor(Int32Array.from(labels));

Deno.test("LlamaGen: the presets have the published sizes", () => {
  const millions = Object.values(llamaGenPresets).map((config) => {
    const sizes = [...llamaGenShapes(config).values()].map(sizeOf);
    return Math.round(sizes.reduce((a, b) => a + b) / 1e6);
  });
  assert.deepEqual(millions, [111, 343, 775]);
  const shapes = llamaGenShapes(llamaGenPresets["LlamaGen-XL"]);
  assert.equal(shapes.size, 36 * 7 + 4);
  assert.deepEqual(shapes.get("cls_embedding.embedding_table.weight"), [1001, 1280]);
  assert.deepEqual(shapes.get("tok_embeddings.weight"), [16384, 1280]);
  assert.deepEqual(shapes.get("layers.35.attention.wqkv.weight"), [3840, 1280]);
  assert.deepEqual(shapes.get("layers.0.feed_forward.w1.weight"), [3584, 1280]);
  assert.deepEqual(shapes.get("layers.0.feed_forward.w2.weight"), [1280, 3584]);
  assert.deepEqual(llamaGenShapes(llamaGenPresets["LlamaGen-B"]).get("layers.11.feed_forward.w3.weight"), [2048, 768]);
  assert.deepEqual(llamaGenShapes(llamaGenPresets["LlamaGen-L"]).get("layers.23.feed_forward.w3.weight"), [2816, 1024]);
});

Deno.test("LlamaGen: parameters have the names and shapes that the config foretells", async () => {
  const model = tinyLlamaGen(await testDevice());
  const shapes = [...model.parameters()].map(([name, { shape }]) => [name, shape]);
  assert.deepEqual(shapes, [...llamaGenShapes(tinyConfig)]);
  assert.deepEqual(model.sizes, { headSize: 8, width: 3, ffn: 64 });
});

Deno.test("LlamaGen: a new model predicts all tokens alike", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = new LlamaGen(new Initializer(device, 1), tinyConfig);
  const loss = await model.loss(someTokens(device, 2), classesOf(device, 0, 3)).item();
  assertAllClose([loss], [Math.log(tinyConfig.vocab)], 1e-6);
});

Deno.test("LlamaGen: a prediction depends on the class and the tokens before it, and on nothing else", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = tinyLlamaGen(device);
  const tokens = await someTokens(device, 1).data() as Int32Array, { vocab, cells } = tinyConfig;
  const logits = async (ids: Int32Array, label: number, count = cells) =>
    await model.forward(device.tensor(ids.slice(0, count), [1, count]), classesOf(device, label)).data();
  const before = await logits(tokens, 2);
  const after = await logits(tokens.with(4, (tokens[4]! + 1) % vocab), 2);
  assert.deepEqual(after.slice(0, 5 * vocab), before.slice(0, 5 * vocab));
  for (let cell = 5; cell < cells; cell++) {
    assert.notDeepEqual(after.slice(cell * vocab, (cell + 1) * vocab), before.slice(cell * vocab, (cell + 1) * vocab));
  }
  assert.notDeepEqual((await logits(tokens, 1)).slice(0, vocab), before.slice(0, vocab));
  for (const count of [1, 5]) assertAllClose(await logits(tokens, 2, count), before.slice(0, count * vocab), 1e-5);
});

Deno.test("LlamaGen: ids outside the classes are the null class", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = tinyLlamaGen(device);
  const [none, ...others] = await device.read(
    [4, -1, 5, 1000].map((label) => model.forward(someTokens(device, 1), classesOf(device, label))),
  );
  for (const logits of others) assertAllClose(logits, none!, 1e-6);
  const other = await model.forward(someTokens(device, 1), classesOf(device, 3)).data();
  assert.notDeepEqual(other, none);
});

Deno.test("LlamaGen: gradients reach every parameter, those of a class only its own row", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = tinyLlamaGen(device);
  const parameters = model.parameters();
  const grads = await device.read(
    gradients(model.loss(someTokens(device, 3), classesOf(device, 1, -1, 1)), [...parameters.values()]),
  ) as Float32Array[];
  [...parameters.keys()].forEach((name, i) =>
    assert.ok(Math.max(...grads[i]!.map(Math.abs)) > 1e-4 && grads[i]!.every(Number.isFinite), name)
  );
  const { dim, classes } = tinyConfig;
  const touched = Array.from(
    { length: classes + 1 },
    (_, row) => grads[0]!.subarray(row * dim, (row + 1) * dim).some((value) => value !== 0),
  );
  assert.deepEqual(touched, [false, true, false, false, true]);
});

Deno.test("LlamaGen: class dropout is the null class for the rows that it drops", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = tinyLlamaGen(device);
  const labels = Array.from({ length: 16 }, (_, i) => i % 4), key = { seed: 3, stream: 0, step: 5 };
  const tokens = someTokens(device, 16), classes = classesOf(device, ...labels);
  const kept = await keepMask(device, [16, 1], 0.5, { ...key, purpose: 2 ** 32 - 1 }).data();
  assert.ok(kept.includes(0) && kept.includes(1));
  const expected = model.forward(tokens, classesOf(device, ...labels.map((label, i) => kept[i] ? label : -1)));
  const dropped = model.forward(tokens, classes, { classDropout: { rate: 0.5, key } });
  assertAllClose(await dropped.data(), await expected.data(), 1e-6);
});

Deno.test("LlamaGen: dropout acts after the embedding, the attention and the feed-forward of every layer", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = tinyLlamaGen(device);
  const tokens = someTokens(device, 2), classes = classesOf(device, 0, 3);
  const rates = { token: 0, residual: 0, ffn: 0 }, key = { seed: 1, stream: 0, step: 0 };
  const logits = async (changes: Partial<typeof rates>, step = 0) =>
    await model.forward(tokens, classes, { dropout: keyedDropouts({ ...rates, ...changes }, { ...key, step }) }).data();
  const plain = await model.forward(tokens, classes).data();
  assert.deepEqual(await logits({}), plain);
  for (const name of ["token", "residual", "ffn"]) {
    const dropped = await logits({ [name]: 0.3 });
    assert.notDeepEqual(dropped, plain);
    assert.deepEqual(await logits({ [name]: 0.3 }), dropped);
    assert.notDeepEqual(await logits({ [name]: 0.3 }, 1), dropped);
  }
  let calls = 0;
  const count = (x: typeof tokens) => (calls++, x);
  model.forward(tokens, classes, { dropout: { token: count, residual: count, ffn: count } });
  assert.equal(calls, 1 + 2 * tinyConfig.layers);
});

Deno.test("LlamaGen: guided logits", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = tinyLlamaGen(device);
  const tokens = someTokens(device, 2), classes = classesOf(device, 0, 3);
  const [conditional, none, guided, plain] = await device.read([
    model.forward(tokens, classes),
    model.forward(tokens, classesOf(device, -1, -1)),
    model.guidedLogits(tokens, classes, 2.5),
    model.guidedLogits(tokens, classes, 1),
  ]) as Float32Array[];
  assertAllClose(guided!, conditional!.map((c, i) => none![i]! + 2.5 * (c - none![i]!)), 1e-6);
  assert.deepEqual(plain, conditional);
});

Deno.test("LlamaGen: refuses sizes and shapes that make no sense", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const refuses = (changes: Partial<typeof tinyConfig>, reason: string) =>
    assert.throws(() => new LlamaGen(new Initializer(device, 1), { ...tinyConfig, ...changes }), {
      name: "RangeError",
      message: `Cannot make a LlamaGen: ${reason}`,
    });
  refuses({ layers: 0 }, "layers must be a positive integer, got 0");
  refuses({ vocab: 2.5 }, "vocab must be a positive integer, got 2.5");
  refuses({ heads: 4 }, "dim must be a multiple of 4 heads (rotary pairs on two axes), got 24 and 4");
  refuses({ cells: 8 }, "cells must be a square number, got 8");
  const model = tinyLlamaGen(device);
  const message = (text: string) => ({ name: "RangeError", message: `Cannot apply LlamaGen: ${text}` });
  assert.throws(
    () => model.forward(someTokens(device, 2, 10), classesOf(device, 0, 1)),
    message("an image has 9 tokens, got [2, 10]"),
  );
  assert.throws(
    () => model.forward(someTokens(device, 2), classesOf(device, 0)),
    message("classes must have shape [2], got [1]"),
  );
  assert.throws(
    () => model.forward(classesOf(device, 0), classesOf(device, 0)),
    message("tokens must have 2 axes, got shape [1]"),
  );
});
