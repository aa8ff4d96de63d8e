import assert from "node:assert/strict";
import { gumbelTopK, type TopKOptions } from "../../src/ops/gumbel_top_k.ts";
import { gaussianCloseness } from "../../src/ops/plackett_luce_repulsion.ts";
import { sampleWithRepulsion } from "../../src/ops/plackett_luce_sample.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";
import { Ref } from "../support/ref.ts";
import { chiSquare, countRows, drawReference, orderedChoices } from "./ordered_draws.ts";

const key = { seed: 5, stream: 6, step: 7, purpose: 8 };

interface Batch {
  readonly scores: readonly (readonly number[])[];
  readonly valid?: readonly (readonly number[])[];
  readonly keys?: readonly number[];
  readonly strength?: number;
  readonly width?: number;
}

/** Draws of `sampleWithRepulsion`, or of `gumbelTopK` where the strength is left out. */
async function draw(
  { scores, valid = scores.map((row) => row.map(() => 1)), keys = scores.map((_, n) => n), ...given }: Batch,
  options: Omit<TopKOptions, "key">,
): Promise<number[][]> {
  const device = await testDevice();
  using _scope = device.scope();
  const n = scores[0]!.length, shape = [scores.length, n];
  const inputs = [
    device.tensor(scores.flat(), shape),
    device.tensor(Int32Array.from(valid.flat()), shape),
    device.tensor(Int32Array.from(keys)),
  ] as const;
  const { strength, width = 2 } = given;
  const closeness = device.tensor(gaussianCloseness(n, width, 1), [n, n]);
  const picks =
    await (strength === undefined
      ? gumbelTopK(...inputs, { ...options, key })
      : sampleWithRepulsion(...inputs, { strength: device.tensor([strength]), closeness }, { ...options, key })).data();
  return scores.map((_, r) => [...picks.subarray(r * options.k, (r + 1) * options.k)]);
}

/** Probability of every ordered choice of k of the scores' cells on a grid two cells wide. */
function lawOf(scores: readonly number[], strength: number, k: number): Map<string, number> {
  const n = scores.length, choices = orderedChoices(n, k), rows = choices.length;
  const { logP } = drawReference([
    new Ref([rows, n], choices.flatMap(() => scores)),
    new Ref([rows, n], Array(rows * n).fill(1)),
    new Ref([rows, k], choices.flat()),
    new Ref([rows], Array(rows).fill(strength)),
    new Ref([n, n], gaussianCloseness(n, 2, 1)),
  ]);
  return new Map(choices.map((choice, r) => {
    const row = logP.data.subarray(r * k, (r + 1) * k);
    return [choice.join(), Math.exp(row.reduce((a, b) => a + b))];
  }));
}

const draws = 20_000, scores = [0.5, -0.5, 0, 1], many = Array.from({ length: draws }, () => scores);
const limit = 49.7; // chi-square of 23 degrees of freedom: 0.1 % lie beyond

for (const { strength, temperature } of [{ strength: 2, temperature: 1 }, { strength: 1, temperature: 0.5 }]) {
  Deno.test(`sampleWithRepulsion draws by its law at temperature ${temperature}`, async () => {
    const picks = await draw({ scores: many, strength }, { k: 3, temperature });
    const counts = countRows(picks.flat(), 3);
    const law = lawOf(scores.map((s) => s / temperature), strength / temperature, 3);
    const distance = chiSquare(counts, law, draws);
    assert.ok(distance < limit, `chi-square ${distance}`);
    const wrong = chiSquare(counts, lawOf(scores.map((s) => s / temperature), 0, 3), draws);
    assert.ok(wrong > 10 * limit, `the test would not see a missing repulsion: ${wrong}`);
  });
}

Deno.test("sampleWithRepulsion without strength draws by the law of gumbelTopK, with the same first pick", async () => {
  const picks = await draw({ scores: many, strength: 0 }, { k: 3, temperature: 1 });
  const distance = chiSquare(countRows(picks.flat(), 3), lawOf(scores, 0, 3), draws);
  assert.ok(distance < limit, `chi-square ${distance}`);
  const topK = await draw({ scores: many }, { k: 3, temperature: 1 });
  assert.deepEqual(picks.map(([first]) => first), topK.map(([first]) => first));
});

Deno.test("sampleWithRepulsion gives a row the same cells in any batch, and a larger k appends", async () => {
  const random = seededRandom(2);
  const rows = Array.from({ length: 20 }, () => Array.from({ length: 30 }, () => 4 * random() - 2));
  const all = await draw({ scores: rows, strength: 1, width: 6 }, { k: 30, temperature: 1 });
  for (const picks of all) assert.equal(new Set(picks).size, 30);
  const some = await draw(
    { scores: [17, 4].map((n) => rows[n]!), keys: [17, 4], strength: 1, width: 6 },
    { k: 5, temperature: 1 },
  );
  assert.deepEqual(some, [17, 4].map((n) => all[n]!.slice(0, 5)));
});

Deno.test("sampleWithRepulsion at temperature 0 takes the highest pushed score, the lower id in a tie", async () => {
  // 3 x 3 cells: a corner, then the corner across; the other two corners are equally far from both.
  const flat = Array(9).fill(0).with(0, 0.01);
  assert.deepEqual((await draw({ scores: [flat], strength: 3, width: 3 }, { k: 4, temperature: 0 }))[0], [0, 8, 2, 6]);
  assert.deepEqual((await draw({ scores: [flat], strength: 0, width: 3 }, { k: 4, temperature: 0 }))[0], [0, 1, 2, 3]);
});

Deno.test("sampleWithRepulsion never picks an invalid cell and fills up with -1", async () => {
  const rows = [[9, 1, -1e30, 2, 8], [1, 1, 1, 1, 1], [0, 0, 7, 0, 0]];
  const valid = [[0, 1, 1, 1, 0], [0, 0, 0, 0, 0], [0, 0, 1, 0, 0]];
  const greedy = await draw({ scores: rows, valid, strength: 0.1 }, { k: 4, temperature: 0 });
  assert.deepEqual(greedy, [[3, 1, 2, -1], [-1, -1, -1, -1], [2, -1, -1, -1]]);
  const drawn = await draw({ scores: rows, valid, strength: 1 }, { k: 4, temperature: 1 });
  assert.deepEqual(drawn[0]!.toSorted((a, b) => a - b), [-1, 1, 2, 3]);
});

Deno.test("sampleWithRepulsion refuses wrong inputs and options", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const scores = device.zeros([2, 3]), valid = device.zeros([2, 3], "i32"), rowKeys = device.zeros([2], "i32");
  const repulsion = { strength: device.zeros([1]), closeness: device.zeros([3, 3]) };
  const refuses = (message: string, options: Partial<TopKOptions>, [s, v, r] = [scores, valid, rowKeys]) =>
    assert.throws(() => sampleWithRepulsion(s!, v!, r!, repulsion, { k: 2, temperature: 1, key, ...options }), {
      name: "RangeError",
      message: `Cannot apply plackett_luce_sample: ${message}`,
    });
  refuses("scores must have 2 axes, got shape [3]", {}, [device.zeros([3]), valid, rowKeys]);
  refuses("scores must hold f32, got i32", {}, [valid, valid, rowKeys]);
  refuses("valid must have shape [2, 3], got [2]", {}, [scores, rowKeys, rowKeys]);
  refuses("valid must hold i32 or u32, got f32", {}, [scores, scores, rowKeys]);
  refuses("row keys must have shape [2], got [2, 3]", {}, [scores, valid, valid]);
  refuses("row keys must hold i32, got f32", {}, [scores, valid, device.zeros([2])]);
  refuses("k must be an integer from 1 to 3, got 4", { k: 4 });
  refuses("temperature must be 0 or a positive number, got NaN", { temperature: NaN });
  assert.throws(
    () =>
      sampleWithRepulsion(scores, valid, rowKeys, { ...repulsion, strength: device.zeros([3]) }, {
        k: 1,
        temperature: 1,
        key,
      }),
    { message: "Cannot apply plackett_luce_sample: strength must have shape [1] or [2], got [3]" },
  );
});
