import assert from "node:assert/strict";
import { Conv2d } from "../../src/nn/conv2d.ts";
import { Embedding } from "../../src/nn/embedding.ts";
import { heGain, Initializer } from "../../src/nn/init.ts";
import { Linear } from "../../src/nn/linear.ts";
import { loadParameters, loadParametersFrom, nestParameters } from "../../src/nn/module.ts";
import type { HostArray } from "../../src/tensor/host_tensor.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";

const values = async (tensor: Tensor) => [...await tensor.data()];

Deno.test("Linear: weight [out, in] and bias by PyTorch's bound, y = x weight^T + bias", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const layer = new Linear(new Initializer(device, 3), 25, 7);
  const weight = await values(layer.weight), bias = await values(layer.bias);
  assert.deepEqual([layer.weight.shape, layer.bias.shape], [[7, 25], [7]]);
  const largest = Math.max(...weight.map(Math.abs));
  assert.ok(largest < 0.2 && largest > 0.19, `${largest} for a bound of 1 / 5`);
  const x = Array.from({ length: 50 }, (_, i) => Math.sin(i));
  const expected = Array.from({ length: 14 }, (_, i) => {
    const [row, column] = [Math.floor(i / 7), i % 7];
    return bias[column]! + weight.slice(column * 25, column * 25 + 25).reduce((s, w, k) => s + w * x[row * 25 + k]!, 0);
  });
  assertAllClose(await layer.forward(device.tensor(x, [2, 25])).data(), expected, 1e-5);
  const rectified = await values(layer.forward(device.tensor(x, [2, 25]), "relu"));
  assertAllClose(rectified, expected.map((y) => Math.max(y, 0)), 1e-5);
});

Deno.test("Initializer: equal seeds give equal parameters, gain scales weights, normals are normal", async () => {
  const device = await testDevice();
  const make = (seed: number, gain: number) => {
    const init = new Initializer(device, seed);
    return [init.uniform([5, 3], 1), new Conv2d(init, 2, 3, 3, {}, gain).weight, init.normal([1000])];
  };
  const [first, again, scaled, other] = await Promise.all([[1, 1], [1, 1], [1, heGain], [2, 1]].map(
    ([seed, gain]) => Promise.all(make(seed!, gain!).map(values)),
  ));
  assert.deepEqual(first, again);
  assert.notDeepEqual(first![0], other![0]);
  assertAllClose(scaled![1]!, first![1]!.map((w) => w * Math.sqrt(6)), 1e-6);
  const normals = first![2]!;
  const mean = normals.reduce((a, b) => a + b) / 1000, square = normals.reduce((s, z) => s + z * z, 0) / 1000;
  assert.ok(Math.abs(mean) < 0.15 && Math.abs(square - 1) < 0.2, `mean ${mean}, mean square ${square}`);
});

Deno.test("Conv2d and Embedding: parameters and forward", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const init = new Initializer(device, 1);
  const conv = new Conv2d(init, 1, 2, 3, { padding: 1 });
  conv.weight.write(Float32Array.from({ length: 18 }, (_, i) => i % 9 === 4 ? 1 : 0));
  conv.bias.write(Float32Array.of(0, 10));
  const x = device.tensor([1, 2, 3, 4], [1, 1, 2, 2]);
  assert.deepEqual(await values(conv.forward(x)), [1, 2, 3, 4, 11, 12, 13, 14]);
  const table = new Embedding(init, 4, 2);
  const rows = await values(table.weight);
  assert.deepEqual(await values(table.forward(device.tensor(Int32Array.of(3, 0)))), [
    ...rows.slice(6),
    ...rows.slice(0, 2),
  ]);
  assert.deepEqual([...nestParameters({ conv, table }).keys()], ["conv.weight", "conv.bias", "table.weight"]);
});

type Parts = Record<string, [number[], HostArray]>;
const weightsOf = (parts: Parts) =>
  new Map(Object.entries(parts).map(([name, [shape, data]]) => [name, { shape, data }]));
const filled = (n: number, value: number) => new Float32Array(n).fill(value);

Deno.test("loadParameters: fills by name, tells all that does not fit in one line and then changes nothing", async () => {
  const device = await testDevice();
  const layer = new Linear(new Initializer(device, 1), 2, 1);
  const weight: Parts[string] = [[1, 2], Float32Array.of(5, 6)];
  const before = [...await values(layer.weight), ...await values(layer.bias)];
  const refused: [Parts, string][] = [
    [{ weight, bias: [[1], filled(1, 7)], gain: [[3], filled(3, 1)] }, "1 unexpected: gain [3]"],
    [{ weight, bias: [[1], filled(1, 7)], "a\nb": [[3], filled(3, 1)] }, '1 unexpected: "a\\nb" [3]'],
    [{ weight }, "1 of 2 parameters missing: bias [1]"],
    [
      { weight, bias: [[2], filled(2, 7)] },
      "1 of another shape or type: bias is Float32Array [2], wanted f32 [1]",
    ],
    [
      { weight, bias: [[1], Int32Array.of(7)] },
      "1 of another shape or type: bias is Int32Array [1], wanted f32 [1]",
    ],
    [
      { weight: [[2], filled(2, 1)], b: [[1], filled(1, 7)] },
      "1 of 2 parameters missing: bias [1]; " +
      "1 of another shape or type: weight is Float32Array [2], wanted f32 [1, 2]; 1 unexpected: b [1]",
    ],
  ];
  for (const [parts, problems] of refused) {
    const message = `Cannot load weights: ${problems}; pass the weights of this model`;
    assert.throws(() => loadParameters(layer, weightsOf(parts)), { name: "UserError", message });
  }
  assert.deepEqual([...await values(layer.weight), ...await values(layer.bias)], before);
  loadParameters(layer, weightsOf({ bias: [[1], filled(1, 7)], weight }));
  assert.deepEqual([...await values(layer.weight), ...await values(layer.bias)], [5, 6, 7]);
  const ignore = (name: string) => name.startsWith("gain");
  loadParameters(layer, weightsOf({ weight, bias: [[1], filled(1, 8)], gain: [[3], filled(3, 1)] }), { ignore });
  assert.deepEqual(await values(layer.bias), [8]);
});

Deno.test("loadParameters: of hundreds of names it lists eight and counts the rest", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const parameters = () =>
    new Map(Array.from({ length: 300 }, (_, i) => [`layers.${i}.weight`, device.zeros([2])] as const));
  const names = Array.from({ length: 8 }, (_, i) => `layers.${i}.weight [2]`).join(", ");
  assert.throws(() => loadParameters({ parameters }, new Map()), {
    message:
      `Cannot load weights: 300 of 300 parameters missing: ${names} and 292 more; pass the weights of this model`,
  });
});

Deno.test("loadParametersFrom: checks all names, shapes and types before it reads, then tensor by tensor", async () => {
  const device = await testDevice();
  const layer = new Linear(new Initializer(device, 1), 2, 1);
  const reads: string[] = [];
  const source = (entries: Record<string, { dtype: string; shape: number[] }>) => ({
    entries: new Map(Object.entries(entries)),
    read(name: string) {
      reads.push(name);
      const { shape } = entries[name]!;
      return Promise.resolve({ shape, data: filled(shape.reduce((a, b) => a * b, 1), reads.length) });
    },
  });
  const bias = { dtype: "BF16", shape: [1] };
  await assert.rejects(loadParametersFrom(layer, source({ weight: { dtype: "I64", shape: [1, 2] }, b: bias })), {
    name: "UserError",
    message: "Cannot load weights: 1 of 2 parameters missing: bias [1]; 1 of another shape or type: weight is " +
      "I64 [1, 2], wanted f32 [1, 2]; 1 unexpected: b [1]; pass the weights of this model",
  });
  assert.deepEqual(reads, []);
  await loadParametersFrom(layer, source({ bias, weight: { dtype: "F16", shape: [1, 2] }, extra: bias }), {
    ignore: (name) => name === "extra",
  });
  assert.deepEqual([...await values(layer.weight), ...await values(layer.bias)], [1, 1, 2]);
});

Deno.test("loadParametersFrom: large weights do not all wait in memory for the next submit", async () => {
  const events: string[] = [];
  const device = {
    scope: () => ({ [Symbol.dispose]: () => {} }),
    zeros: () => ({ item: () => Promise.resolve(events.push("submit")) }),
  };
  const shape = [2 ** 25]; // 128 MiB
  const parameter = { shape, size: shape[0], device, write: () => events.push("write") } as unknown as Tensor;
  const parameters = () => new Map(["a", "b", "c", "d", "e"].map((name) => [name, parameter]));
  const entries = new Map([...parameters().keys()].map((name) => [name, { dtype: "F32", shape }]));
  const read = () => ({ shape, data: new Float32Array(0) });
  await loadParametersFrom({ parameters }, { entries, read });
  assert.deepEqual(events, ["write", "write", "submit", "write", "write", "submit", "write"]);
});
