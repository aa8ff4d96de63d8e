import assert from "node:assert/strict";
import { gumbelTopK, type TopKOptions } from "../../src/ops/gumbel_top_k.ts";
import { philox } from "../../src/tensor/philox.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

const key = { seed: 5, stream: 6, step: 7, purpose: 8 };

async function pick(
  scores: number[][],
  options: Omit<TopKOptions, "key">,
  { valid = scores.map((row) => row.map(() => 1)), keys = scores.map((_, n) => n) } = {},
): Promise<number[][]> {
  const device = await testDevice();
  using _scope = device.scope();
  const shape = [scores.length, scores[0]!.length];
  const picks = await gumbelTopK(
    device.tensor(scores.flat(), shape),
    device.tensor(Uint32Array.from(valid.flat()), shape),
    device.tensor(Int32Array.from(keys)),
    { ...options, key },
  ).data();
  return scores.map((_, n) => [...picks.subarray(n * options.k, (n + 1) * options.k)]);
}

function randomRows(rows: number, cols: number): number[][] {
  const random = seededRandom(rows + cols);
  return Array.from({ length: rows }, () => Array.from({ length: cols }, () => Math.fround(4 * random() - 2)));
}

for (const [rows, cols, k, temperature] of [[1, 1, 1, 1], [3, 7, 3, 0.5], [5, 49, 49, 1], [2, 257, 64, 2]] as const) {
  Deno.test(`gumbel_top_k [${rows}, ${cols}] k ${k} orders the perturbed scores`, async () => {
    const scores = randomRows(rows, cols);
    const picks = await pick(scores, { k, temperature });
    picks.forEach((ids, n) => {
      assert.equal(new Set(ids).size, k);
      const value = (v: number) => {
        const word = philox([n, v >> 2, key.step, key.purpose], [key.seed, key.stream])[v & 3]!;
        return scores[n]![v]! / temperature - Math.log(-Math.log1p(-(word + 0.5) / 2 ** 32));
      };
      const best = scores[n]!.map((_, v) => value(v)).sort((a, b) => b - a);
      ids.forEach((id, i) => assert.ok(Math.abs(value(id) - best[i]!) < 1e-4, `row ${n}, pick ${i}: ${id}`));
    });
  });
}

Deno.test("gumbel_top_k draws ordered pairs with Plackett-Luce frequencies", async () => {
  const weights = [1, 2, 3, 4], draws = 20_000;
  const picks = await pick(Array.from({ length: draws }, () => weights.map(Math.log)), { k: 2, temperature: 1 });
  const counts = new Map<string, number>();
  for (const ids of picks) counts.set(ids.join(), (counts.get(ids.join()) ?? 0) + 1);
  let chiSquare = 0;
  weights.forEach((first, a) =>
    weights.forEach((second, b) => {
      if (a === b) return;
      const expected = draws * first / 10 * second / (10 - first);
      chiSquare += ((counts.get(`${a},${b}`) ?? 0) - expected) ** 2 / expected;
    })
  );
  assert.ok(chiSquare < 31.3, `chi-square ${chiSquare}`); // 11 degrees of freedom: 0.1 % lie beyond
});

Deno.test("gumbel_top_k never picks an invalid id and fills up with -1", async () => {
  const scores = [[9, 1, -1e30, 2, 8], [1, 1, 1, 1, 1], [0, 0, 7, 0, 0]];
  const valid = [[0, 1, 1, 1, 0], [0, 0, 0, 0, 0], [0, 0, 1, 0, 0]];
  assert.deepEqual(await pick(scores, { k: 4, temperature: 0 }, { valid }), [
    [3, 1, 2, -1],
    [-1, -1, -1, -1],
    [2, -1, -1, -1],
  ]);
  const drawn = await pick(scores, { k: 4, temperature: 1 }, { valid });
  assert.deepEqual(drawn[0]!.toSorted((a, b) => a - b), [-1, 1, 2, 3]);
});

Deno.test("gumbel_top_k at temperature 0 sorts, the lower id first in a tie", async () => {
  assert.deepEqual(await pick([[1, 3, 3, 2, 1]], { k: 5, temperature: 0 }), [[1, 2, 3, 0, 4]]);
});

Deno.test("gumbel_top_k gives a row the same ids in any batch, and a larger k appends", async () => {
  const scores = randomRows(20, 30);
  const all = await pick(scores, { k: 9, temperature: 1 });
  const some = await pick([17, 4].map((n) => scores[n]!), { k: 3, temperature: 1 }, { keys: [17, 4] });
  assert.deepEqual(some, [17, 4].map((n) => all[n]!.slice(0, 3)));
});

Deno.test("gumbel_top_k refuses wrong inputs and options", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const scores = device.zeros([2, 3]), valid = device.zeros([2, 3], "i32"), rowKeys = device.zeros([2], "i32");
  const refuses = (message: string, options: Partial<TopKOptions>, [s, v, r] = [scores, valid, rowKeys]) =>
    assert.throws(() => gumbelTopK(s!, v!, r!, { k: 2, temperature: 1, key, ...options }), {
      name: "RangeError",
      message: `Cannot apply gumbel_top_k: ${message}`,
    });
  refuses("scores must have 2 axes, got shape [3]", {}, [device.zeros([3]), valid, rowKeys]);
  refuses("scores must hold f32, got i32", {}, [valid, valid, rowKeys]);
  refuses("valid must have shape [2, 3], got [2]", {}, [scores, rowKeys, rowKeys]);
  refuses("row keys must have shape [2], got [2, 3]", {}, [scores, valid, valid]);
  refuses("valid must be i32 or u32, got f32", {}, [scores, scores, rowKeys]);
  refuses("row keys must be i32, got f32", {}, [scores, valid, device.zeros([2])]);
  refuses("rows may hold at most 65535 scores, got 65536", {}, [
    device.zeros([1, 65536]),
    device.zeros([1, 65536], "i32"),
    device.zeros([1], "i32"),
  ]);
  refuses("k must be an integer from 1 to 3, got 4", { k: 4 });
  refuses("temperature must be 0 or a positive number, got NaN", { temperature: NaN });
});
