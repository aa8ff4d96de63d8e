import assert from "node:assert/strict";
import { Conv2d } from "../../src/nn/conv2d.ts";
import { Embedding } from "../../src/nn/embedding.ts";
import { heGain, Initializer } from "../../src/nn/init.ts";
import { Linear } from "../../src/nn/linear.ts";
import { loadParameters, nestParameters } from "../../src/nn/module.ts";
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

Deno.test("loadParameters: fills by name, refuses what does not fit and then changes nothing", async () => {
  const device = await testDevice();
  const layer = new Linear(new Initializer(device, 1), 2, 1);
  const weights = (parts: Record<string, [number[], HostArray]>) =>
    new Map(Object.entries(parts).map(([name, [shape, data]]) => [name, { shape, data }]));
  const weight: [number[], HostArray] = [[1, 2], Float32Array.of(5, 6)];
  const before = [...await values(layer.weight), ...await values(layer.bias)];
  const refused: [Record<string, [number[], HostArray]>, string][] = [
    [
      { weight, bias: [[1], Float32Array.of(7)], gain: [[1], Float32Array.of(1)] },
      "Cannot load weights: gain is no " +
      "parameter of this model; it has weight, bias",
    ],
    [{ weight }, "Cannot load weights: bias must be f32 [1], but it is missing; pass the weights of this model"],
    [
      { weight, bias: [[2], Float32Array.of(7, 8)] },
      "Cannot load weights: bias must be f32 [1], got Float32Array [2]; " +
      "pass the weights of this model",
    ],
    [
      { weight, bias: [[1], Int32Array.of(7)] },
      "Cannot load weights: bias must be f32 [1], got Int32Array [1]; " +
      "pass the weights of this model",
    ],
  ];
  for (const [parts, message] of refused) {
    assert.throws(() => loadParameters(layer, weights(parts)), { name: "UserError", message });
  }
  assert.deepEqual([...await values(layer.weight), ...await values(layer.bias)], before);
  loadParameters(layer, weights({ bias: [[1], Float32Array.of(7)], weight }));
  assert.deepEqual([...await values(layer.weight), ...await values(layer.bias)], [5, 6, 7]);
});
