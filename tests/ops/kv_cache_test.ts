import assert from "node:assert/strict";
import { Scalar } from "../../src/gpu/params.ts";
import { attention } from "../../src/ops/attention.ts";
import { attendCache, cacheToken, makeKvCache } from "../../src/ops/kv_cache.ts";
import { rotary2d, rotaryTable2d } from "../../src/ops/rotary_2d.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

for (const [rows, heads, slots, d, width] of [[1, 1, 1, 4, 1], [2, 3, 9, 8, 3], [3, 2, 30, 20, 7]] as const) {
  Deno.test(`kv_cache [${[rows, heads, slots, d]}] equals causal attention over the whole sequence`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const random = seededRandom(11);
    // Tokens are [3, R, H, D] here: steep scores, so that a wrong angle or slot shows.
    const tokens = Array.from(
      { length: slots },
      () => Float32Array.from({ length: 3 * rows * heads * d }, () => 4 * random() - 2),
    );
    const part = rows * heads * d;
    const sequence = [0, 1, 2].map((which) =>
      device.tensor(
        Float32Array.from({ length: part * slots }, (_, i) => {
          const [head, slot, c] = [Math.floor(i / d / slots), Math.floor(i / d) % slots, i % d];
          return tokens[slot]![which * part + head * d + c]!;
        }),
        [rows, heads, slots, d],
      )
    ) as [Tensor, Tensor, Tensor];
    const table = rotaryTable2d(device, width, d);
    const cells = device.tensor(Int32Array.from({ length: slots }, (_, slot) => slot - 1));
    const [q, k] = sequence.slice(0, 2).map((x) => rotary2d(x, cells, table, width));
    const expected = await attention(q!, k!, sequence[2], { visibility: "causal" }).data();

    const cache = makeKvCache(device, [rows, heads, slots, d]);
    const slot = new Scalar(0), qkv = device.zeros([rows, 3 * heads * d]);
    const step = device.capture(() => attendCache(cacheToken(qkv, cache, { table, width }, slot), cache, slot));
    for (let t = 0; t < slots; t++) {
      const token = tokens[t]!;
      qkv.write(Float32Array.from({ length: token.length }, (_, i) => {
        const [row, which, rest] = [Math.floor(i / 3 / heads / d), Math.floor(i / heads / d) % 3, i % (heads * d)];
        return token[which * part + row * heads * d + rest]!;
      }));
      slot.value = t;
      step.replay();
      const wanted = Float32Array.from(
        { length: part },
        (_, i) => expected[(Math.floor(i / d) * slots + t) * d + i % d]!,
      );
      assertAllClose(await step.result.data(), wanted, 1e-5, `slot ${t}`);
    }
    step.dispose();
  });
}

Deno.test("kv_cache refuses what does not match", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const refuses = (body: () => unknown, message: string) => assert.throws(body, { name: "RangeError", message });
  refuses(
    () => makeKvCache(device, [1, 1, 40000, 4]),
    "Cannot make a cache of keys and values: at most 32767 slots, got 40000",
  );
  refuses(
    () => makeKvCache(device, [1, 1, 4, 6]),
    "Cannot make a cache of keys and values: head size must be a multiple of 4, got 6",
  );
  const cache = makeKvCache(device, [2, 1, 4, 8]), table = device.zeros([2, 2, 2]);
  const place = { table, width: 2 };
  refuses(
    () => cacheToken(device.zeros([2, 8]), cache, place, 0),
    "Cannot apply kv_cache: qkv must have shape [2, 24], got [2, 8]",
  );
  refuses(
    () => cacheToken(device.zeros([2, 24], "i32"), cache, place, 0),
    "Cannot apply kv_cache: qkv must hold f32, got i32",
  );
  refuses(
    () => cacheToken(device.zeros([2, 24]), cache, { table: device.zeros([2, 1, 2]), width: 2 }, 0),
    "Cannot apply kv_cache: table must have shape [2, 2, 2], got [2, 1, 2]",
  );
  refuses(
    () => attendCache(device.zeros([2, 8]), cache, 0),
    "Cannot apply kv_cache: q must have shape [2, 1, 8], got [2, 8]",
  );
});
