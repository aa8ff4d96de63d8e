import assert from "node:assert/strict";
import { Arpg } from "../../src/models/arpg.ts";
import { type ArpgConfig, arpgPresets, arpgShapes, arpgSizes } from "../../src/models/arpg_config.ts";
import { cellOrder } from "../../src/models/decode_order.ts";
import { Initializer } from "../../src/nn/init.ts";
import { crossEntropy } from "../../src/ops/cross_entropy.ts";
import { mean } from "../../src/ops/reduce.ts";
import { sizeOf } from "../../src/tensor/shape.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";
import { tinyArpg, tinyArpgConfig } from "./tiny_arpg.ts";

const { vocab, cells } = tinyArpgConfig;

/** Tokens, classes and orders of two samples. */
function someInputs() {
  const tokens = Int32Array.from({ length: 2 * cells }, (_, i) => (7 * i + i * i) % vocab);
  const order = Int32Array.from([0, 1].flatMap((sample) => [...cellOrder("random", cells, 3, sample)]));
  return { tokens, classes: Int32Array.of(2, 0), order };
}

/** Logits of teacher forcing, `[2 N, V]` row by row. */
async function logitsOf(
  model: Arpg,
  changes: Partial<Record<"tokens" | "classes" | "order" | "steps", Int32Array>> = {},
): Promise<Float32Array[]> {
  const { device } = model.rotary;
  using _scope = device.scope();
  const { tokens, classes, order, steps } = { ...someInputs(), ...changes };
  const on = (ids: Int32Array) => device.tensor(ids, [2, cells]);
  const options = steps ? { steps: on(steps) } : {};
  const { logits } = model.forward(on(tokens), device.tensor(classes), on(order), options);
  const values = await logits.data() as Float32Array;
  return Array.from({ length: 2 * cells }, (_, row) => values.slice(row * vocab, (row + 1) * vocab));
}

Deno.test("ARPG: the presets have the published names, shapes and numbers of parameters", () => {
  const millions = Object.values(arpgPresets).map((config) => {
    const sizes = [...arpgShapes(config).values()].map(sizeOf);
    return Math.round(sizes.reduce((a, b) => a + b) / 1e6);
  });
  assert.deepEqual(Object.keys(arpgPresets), ["ARPG-L", "ARPG-XL", "ARPG-XXL"]);
  assert.deepEqual(millions, [320, 719, 1302], "320 M, 719 M and 1.3 B in table 1 of arXiv 2503.10568");
  const shapes = arpgShapes(arpgPresets["ARPG-XL"]);
  assert.equal(shapes.size, 1 + 18 * 9 + 18 * 7 + 5, "9 tensors a layer of the first pass, 7 of the second");
  assert.deepEqual(shapes.get("embeddings.weight"), [17387, 1280]);
  assert.deepEqual(shapes.get("layers.self_dec.17.attn.to_v.weight"), [1280, 1280]);
  assert.deepEqual(shapes.get("layers.cross_dec.17.ffn.w2.weight"), [1280, 3584]);
  assert.deepEqual(shapes.get("layers.to_k.weight"), [1280, 1280]);
  assert.deepEqual(shapes.get("head.weight"), [16384, 1280]);
  for (
    const absent of ["layers.cross_dec.0.attn.to_k.weight", "positions.weight", "layers.self_dec.18.ffn.w1.weight"]
  ) {
    assert.equal(shapes.has(absent), false, absent);
  }
  assert.deepEqual(arpgShapes(arpgPresets["ARPG-L"]).get("layers.self_dec.11.ffn.w3.weight"), [2816, 1024]);
  assert.deepEqual(arpgShapes(arpgPresets["ARPG-XXL"]).get("layers.cross_dec.23.ffn.w1.weight"), [4096, 1536]);
});

Deno.test("ARPG: parameters have the names and shapes that the config foretells", async () => {
  const device = await testDevice();
  for (const position of ["none", "learned"] as const) {
    const model = tinyArpg(device, { position });
    const shapes = [...model.parameters()].map(([name, { shape }]): [string, readonly number[]] => [name, shape]);
    const byName = ([a]: [string, unknown], [b]: [string, unknown]) => a < b ? -1 : 1;
    assert.deepEqual(shapes.sort(byName), [...arpgShapes(model.config)].sort(byName));
    assert.equal(shapes.some(([name]) => name === "positions.weight"), position === "learned");
  }
  const { sizes } = tinyArpg(device);
  assert.deepEqual(sizes, { headSize: 16, width: 4, half: 2, ffn: 88, rows: 18, mask: 12, classBase: 13, noClass: 16 });
});

Deno.test("ARPG: a prediction depends on the class, the cells and the tokens painted before it, and on nothing else", async () => {
  const model = tinyArpg(await testDevice());
  const { tokens, order } = someInputs();
  const before = await logitsOf(model);
  const changed = order[5]!; // of the first sample, painted sixth
  const after = await logitsOf(model, { tokens: tokens.with(changed, (tokens[changed]! + 1) % vocab) });
  for (let row = 0; row < 2 * cells; row++) {
    const later = row > 5 && row < cells;
    assert.equal(`${after[row]}` !== `${before[row]}`, later, `row ${row}`);
  }
  const swapped = await logitsOf(model, { order: order.with(14, order[15]!).with(15, order[14]!) });
  assert.deepEqual(swapped.slice(0, 14), before.slice(0, 14));
  assert.notDeepEqual(swapped[14], before[14]);
  const otherClass = await logitsOf(model, { classes: Int32Array.of(1, 0) });
  assert.notDeepEqual(otherClass[0], before[0]);
  assert.deepEqual(otherClass.slice(cells), before.slice(cells));
});

Deno.test("ARPG: steps of one cell are the default; all cells in one step are predicted from the class alone", async () => {
  const model = tinyArpg(await testDevice());
  const { tokens, order } = someInputs();
  const before = await logitsOf(model);
  const single = await logitsOf(model, { steps: Int32Array.from({ length: 2 * cells }, (_, i) => i % cells) });
  single.forEach((row, i) => assertAllClose(row, before[i]!, 1e-6, `row ${i}`));

  const steps = new Int32Array(2 * cells);
  const together = await logitsOf(model, { steps });
  assert.deepEqual(await logitsOf(model, { steps, tokens: tokens.map((token) => (token + 5) % vocab) }), together);
  for (const place of [0, 7, 15]) {
    const first = order.with(0, order[place]!).with(place, order[0]!);
    assertAllClose((await logitsOf(model, { order: first }))[0]!, together[place]!, 1e-6, `place ${place}`);
  }
});

Deno.test("ARPG: rotary angles alone do not tell the first cells apart, learned positions do", async () => {
  const device = await testDevice();
  const learned = tinyArpg(device), none = tinyArpg(device, { position: "none" });
  for (const [name, tensor] of none.parameters()) {
    tensor.write(await learned.parameters().get(name)!.data());
  }
  const steps = new Int32Array(2 * cells);
  const alike = await logitsOf(none, { steps });
  for (const row of alike.slice(1, cells)) assertAllClose(row, alike[0]!, 1e-6);
  const apart = await logitsOf(learned, { steps });
  assert.equal(new Set(apart.slice(0, cells).map(String)).size, cells);
  learned.positions!.weight.write(new Float32Array(cells * tinyArpgConfig.dim));
  assert.deepEqual(await logitsOf(learned), await logitsOf(none), "zero positions are none");
});

Deno.test("ARPG: a negative class is the null class, the id after the last", async () => {
  const model = tinyArpg(await testDevice());
  const nullClass = await logitsOf(model, { classes: Int32Array.of(tinyArpgConfig.classes, 0) });
  for (const negative of [-1, -7]) {
    assert.deepEqual(await logitsOf(model, { classes: Int32Array.of(negative, 0) }), nullClass);
  }
  assert.notDeepEqual(nullClass[0], (await logitsOf(model))[0]);
});

Deno.test("ARPG: parallelLogProbs are the logarithms of the softmax at the painted tokens", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = tinyArpg(device);
  const { tokens, classes, order } = someInputs();
  const steps = Int32Array.from({ length: 2 * cells }, (_, i) => Math.floor(i % cells / 5));
  const expected = (await logitsOf(model, { steps })).map((row, i) => {
    const token = tokens[Math.floor(i / cells) * cells + order[i]!]!;
    return row[token]! - Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0));
  });
  const on = (ids: Int32Array) => device.tensor(ids, [2, cells]);
  const found = model.parallelLogProbs(on(tokens), device.tensor(classes), on(order), on(steps));
  assert.deepEqual(found.shape, [2, cells]);
  assertAllClose(await found.data(), expected, 1e-5);
});

/*
 * The loss is near 5 and float32 ends it at about 1e-7 of that, so a difference over a distance h is off by some 1e-6 / h;
 * the formula leaves h^4 of the curvature, which is strong here. h = 0.003 keeps both below 3e-4 of every slope, and
 * three times that is allowed. Directions are half gradient, where the slope is large, and half noise.
 */
Deno.test("ARPG: gradients are the slopes of the loss along every parameter", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = tinyArpg(device);
  const { tokens, classes, order } = someInputs();
  const [x, o] = [tokens, order].map((ids) => device.tensor(ids, [2, cells]));
  const labels = device.tensor(classes);
  const lossOf = () => {
    const { logits, targets } = model.forward(x!, labels, o!);
    return mean(crossEntropy(logits, targets));
  };
  const parameters = model.parameters(), tensors = [...parameters.values()];
  const values = await device.read(tensors) as Float32Array[];
  const grads = await device.read(gradients(lossOf(), tensors)) as Float32Array[];
  const captured = device.noGrad(() => device.capture(lossOf));
  const random = seededRandom(1), h = 0.003;
  for (const [i, name] of [...parameters.keys()].entries()) {
    const grad = grads[i]!, noise = grad.map(() => random() - 0.5);
    const norm = Math.hypot(...grad), noiseNorm = Math.hypot(...noise);
    const direction = grad.map((g, j) => g / norm + noise[j]! / noiseNorm);
    const lossAt = async (distance: number) => {
      tensors[i]!.write(values[i]!.map((value, j) => value + distance * direction[j]!));
      captured.replay();
      return await captured.result.item();
    };
    const near = await lossAt(h) - await lossAt(-h), far = await lossAt(2 * h) - await lossAt(-2 * h);
    const found = (8 * near - far) / (12 * h), slope = grad.reduce((sum, g, j) => sum + g * direction[j]!, 0);
    assert.ok(Math.abs(found - slope) < 1e-3 * slope, `${name}: slope ${found}, gradient ${slope}`);
    tensors[i]!.write(values[i]!);
  }
  captured.dispose();
});

for (
  const [changes, reason] of [
    [{ layers: 3 }, "layers must be even, half for each pass, got 3"],
    [{ dim: 36 }, "dim must be a multiple of 4 heads (rotary pairs on two axes), got 36 and 2"],
    [{ cells: 15 }, "cells must be a square number, got 15"],
    [{ vocab: 0 }, "vocab must be a positive integer, got 0"],
    [{ multiple_of: 1.5 }, "multiple_of must be a positive integer, got 1.5"],
    [{ classes: NaN }, "classes must be a positive integer, got NaN"],
  ] satisfies [Partial<ArpgConfig>, string][]
) {
  Deno.test(`ARPG refuses sizes that make no model: ${Object.keys(changes)}`, async () => {
    const config = { ...tinyArpgConfig, ...changes },
      refusal = { name: "RangeError", message: `Cannot make an ARPG: ${reason}` };
    assert.throws(() => arpgSizes(config), refusal);
    const device = await testDevice();
    assert.throws(() => new Arpg(new Initializer(device, 1), config), refusal);
  });
}
