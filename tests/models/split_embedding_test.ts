import assert from "node:assert/strict";
import { loadParametersFrom } from "../../src/nn/module.ts";
import { Initializer } from "../../src/nn/init.ts";
import { joinTables, SplitEmbedding, splitTables } from "../../src/models/split_embedding.ts";
import { sum } from "../../src/ops/reduce.ts";
import { square } from "../../src/ops/elementwise_unary.ts";
import type { HostTensor } from "../../src/tensor/host_tensor.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { testDevice } from "../support/device.ts";

const vocab = 5, channels = 10;
const table: HostTensor = { shape: [vocab, channels], data: Float32Array.from({ length: 50 }, (_, i) => Math.sin(i)) };
const other: HostTensor = { shape: [2], data: Float32Array.of(1, 2) };
const source = {
  entries: new Map([["e.weight", { dtype: "F32", shape: table.shape }], ["b", { dtype: "F32", shape: [2] }]]),
  read: (name: string) => name === "e.weight" ? table : other,
};

Deno.test("SplitEmbedding: parts of whole columns hold the table, give its rows and get its gradients", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const make = (bytes?: number) => new SplitEmbedding(new Initializer(device, 1), vocab, channels, 1, bytes);
  for (
    const [bytes, widths] of [[undefined, [10]], [4 * vocab * 8, [8, 2]], [100, [4, 4, 2]], [1, [4, 4, 2]]] as const
  ) {
    const model = make(bytes), parameters = new Map([...model.parameters()].map(([name, t]) => [`e.${name}`, t]));
    assert.deepEqual([...parameters.values()].map(({ shape }) => shape), widths.map((width) => [vocab, width]));
    const holder = { parameters: () => new Map([...parameters, ["b", device.zeros([2])]]) };
    await loadParametersFrom(holder, splitTables(source, parameters));
    const ids = [3, 0, 3], rows = model.forward(device.tensor(Int32Array.from(ids)));
    assert.deepEqual([...await rows.data()], ids.flatMap((id) => [...table.data.subarray(10 * id, 10 * id + 10)]));
    const found = await device.read(gradients(sum(square(rows)), [...parameters.values()]));
    const whole = joinTables(
      new Map([...parameters.keys()].map((name, i) => [
        name,
        { shape: [vocab, widths[i]!], data: found[i]! },
      ])),
    );
    assert.deepEqual([...whole.keys()], ["e.weight"]);
    const times = [1, 0, 0, 2, 0]; // how often a row was taken
    assert.deepEqual(
      [...whole.get("e.weight")!.data],
      Array.from(table.data, (value, i) => 2 * times[Math.floor(i / 10)]! * value + 0).map(Math.fround),
    );
  }
});

Deno.test("splitTables: what is no part stays, and joinTables undoes it", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const parts = new Map([["e.weight.0", device.zeros([5, 4])], ["e.weight.1", device.zeros([5, 6])]]);
  const split = splitTables(source, new Map([...parts, ["f.weight.0", device.zeros([1, 1])]]));
  assert.deepEqual([...split.entries], [
    ["b", { dtype: "F32", shape: [2] }],
    ["e.weight.0", { dtype: "F32", shape: [5, 4] }],
    ["e.weight.1", { dtype: "F32", shape: [5, 6] }],
  ]);
  const read = await Promise.all(
    [...split.entries.keys()].map(async (name) => [name, await split.read(name)] as const),
  );
  assert.deepEqual(joinTables(new Map(read)), new Map([["b", other], ["e.weight", table]]));
});
