import assert from "node:assert/strict";
import { embedding, embeddingOp } from "../../src/ops/embedding.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";
import { Ref } from "../support/ref.ts";

function randomIds(count: number, vocab: number): number[] {
  const random = seededRandom(count);
  return Array.from({ length: count }, () => Math.floor(random() * vocab));
}

checkOp(embeddingOp, {
  reference: {
    forward: ([table, ids]) =>
      Ref.from([...ids!.shape, table!.shape[1]!], (index) => {
        const id = ids!.at(...index.slice(0, -1));
        return id >= 0 && id < table!.shape[0]! ? table!.at(id, index[index.length - 1]!) : 0;
      }),
    backward: ([table, ids], _outputs, [dy]) => {
      const [vocab, channels] = table!.shape as [number, number];
      const dtable = new Ref(table!.shape);
      ids!.data.forEach((id, n) => {
        if (id < 0 || id >= vocab) return;
        for (let c = 0; c < channels; c++) dtable.add([id, c], dy!.data[n * channels + c]!);
      });
      return [dtable, null];
    },
  },
  integers: [1],
  cases: [
    { shapes: [[1, 1], [1]], values: [, [0]] },
    { shapes: [[7, 3], [11]], values: [, randomIds(11, 7)] },
    { shapes: [[5, 8], [2, 3, 4]], values: [, randomIds(24, 5)], note: "vec4" },
    { shapes: [[5, 64], [3, 7]], values: [, [...randomIds(19, 5), 5, -1]], note: "pieces of a row, ids out of range" },
    { shapes: [[5, 3], [6]], values: [, [4, -1, 5, 0, 4, 2 ** 31 - 1]], note: "ids out of range" },
    { shapes: [[266, 12], [1000]], values: [, randomIds(1000, 266)], note: "several chunks" },
    { shapes: [[2, 5], [257]], values: [, new Array(257).fill(1)], note: "one id only, across chunks" },
    { shapes: [[3, 2], [70_000]], values: [, new Array(70_000).fill(2)], note: "beyond the iteration limit" },
    { shapes: [[3, 4], [33_000]], values: [, randomIds(33_000, 3)], note: "two launches, vec4" },
  ],
});

Deno.test("embedding refuses wrong inputs", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const table = device.zeros([4, 2]);
  assert.throws(() => embedding(device.zeros([4]), device.zeros([1], "i32")), {
    name: "RangeError",
    message: "Cannot apply embedding: table must have 2 axes, got shape [4]",
  });
  assert.throws(() => embedding(device.zeros([4, 2], "i32"), device.zeros([1], "i32")), {
    name: "RangeError",
    message: "Cannot apply embedding: table must hold f32, got i32",
  });
  assert.throws(() => embedding(table, device.zeros([1])), {
    name: "RangeError",
    message: "Cannot apply embedding: ids must be i32, got f32; make them from an Int32Array",
  });
});
