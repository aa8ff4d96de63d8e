import assert from "node:assert/strict";
import { VqQuantizer } from "../../src/models/vq_quantizer.ts";
import { Initializer } from "../../src/nn/init.ts";
import { mul } from "../../src/ops/elementwise_binary.ts";
import { sum } from "../../src/ops/reduce.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

const n = 13, size = 5, count = 7;
const random = seededRandom(4);
const raw = Float32Array.from({ length: n * size }, () => 4 * random() - 2);
const mix = Float32Array.from({ length: n * size }, () => random());

/** The quantiser in float64: unit vectors, codes, losses; codes may be given. */
function reference(vectors: ArrayLike<number>, table: ArrayLike<number>, fixed?: ArrayLike<number>) {
  const unit = (from: ArrayLike<number>, row: number) => {
    const values = Array.from({ length: size }, (_, c) => from[row * size + c]!);
    const norm = Math.hypot(...values);
    return values.map((value) => value / norm);
  };
  const codes: number[] = [], points: number[] = [], found: number[] = [];
  for (let i = 0; i < n; i++) {
    const point = unit(vectors, i);
    const cosines = Array.from({ length: count }, (_, k) => unit(table, k).reduce((s, v, c) => s + v * point[c]!, 0));
    codes.push(fixed?.[i] ?? cosines.indexOf(Math.max(...cosines)));
    points.push(...point);
    found.push(...unit(table, codes[i]!));
  }
  const loss = points.reduce((s, v, i) => s + (found[i]! - v) ** 2, 0) / points.length;
  return { codes, points, found, loss };
}

/** Derivatives of `f` by central differences in float64. */
function differences(f: (x: number[]) => number, at: ArrayLike<number>): number[] {
  const h = 1e-5, x = Array.from(at);
  return x.map((value, i) => {
    const around = [value + h, value - h].map((moved) => f(x.with(i, moved)));
    return (around[0]! - around[1]!) / (2 * h);
  });
}

Deno.test("VqQuantizer: codes, vectors and losses of the reference", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const quantizer = new VqQuantizer(new Initializer(device, 3), count, size);
  const found = quantizer.quantize(device.tensor(raw, [n, size]));
  const expected = reference(raw, await quantizer.weight.data());
  assert.deepEqual([...await found.codes.data()], expected.codes);
  assert.ok(new Set(expected.codes).size > 3, "the test sees several codes");
  assertAllClose(await found.vectors.data(), expected.points, 1e-6);
  assertAllClose(await found.quantized.data(), expected.found, 1e-6);
  for (const loss of [found.codebookLoss, found.commitmentLoss]) {
    assertAllClose(await loss.data(), [expected.loss], 1e-6);
  }
  const codes = quantizer.codesOf(device.tensor(raw, [n, size]));
  assert.deepEqual([...await codes.data()], expected.codes);
  assertAllClose(await quantizer.vectorsOf(codes).data(), expected.found, 1e-6);
});

Deno.test("VqQuantizer: gradients go straight through, and each loss moves its own side", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const quantizer = new VqQuantizer(new Initializer(device, 3), count, size);
  const x = device.tensor(raw, [n, size]);
  x.requiresGrad = true;
  const found = quantizer.quantize(x);
  const table = await quantizer.weight.data(), { codes } = reference(raw, table);
  const read = async (loss: typeof x) => await device.read(gradients(loss, [x, quantizer.weight]));

  const through = await read(sum(mul(found.quantized, device.tensor(mix, [n, size]))));
  const asIfNotQuantized = differences((v) => reference(v, table).points.reduce((s, p, i) => s + p * mix[i]!, 0), raw);
  assertAllClose(through[0]!, asIfNotQuantized, 1e-5);
  assertAllClose(through[1]!, new Float32Array(count * size), 0, "codes take no gradient of the images");

  const commitment = await read(found.commitmentLoss);
  assertAllClose(commitment[0]!, differences((v) => reference(v, table, codes).loss, raw), 1e-5);
  assertAllClose(commitment[1]!, new Float32Array(count * size), 0);
  const codebook = await read(found.codebookLoss);
  assertAllClose(codebook[0]!, new Float32Array(n * size), 0);
  assertAllClose(codebook[1]!, differences((v) => reference(raw, v, codes).loss, table), 1e-5);
});
