import assert from "node:assert/strict";
import type { KernelTable } from "../../src/gpu/kernel_table.ts";
import { Scalar } from "../../src/gpu/params.ts";
import { sampleCategorical, type SampleOptions } from "../../src/ops/sample_categorical.ts";
import { philox } from "../../src/tensor/philox.ts";
import { deviceWith, testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

const key = { seed: 11, stream: 22, step: 33, purpose: 44 };

async function draw(
  rows: number[][],
  options: SampleOptions,
  keys = rows.map((_, n) => n),
  table: Partial<KernelTable> = {},
): Promise<number[]> {
  const device = await deviceWith(table);
  using _scope = device.scope();
  const logits = device.tensor(rows.flat(), [rows.length, rows[0]!.length]);
  return [...await sampleCategorical(logits, device.tensor(Int32Array.from(keys)), options).data()];
}

function randomRows(rows: number, cols: number): number[][] {
  const random = seededRandom(rows + cols);
  return Array.from({ length: rows }, () => Array.from({ length: cols }, () => Math.fround(8 * random() - 4)));
}

/** The kept ids by sorting, ties with the last kept one included. */
function keptIds(row: number[], { temperature, topK, topP }: SampleOptions): Set<number> {
  const order = row.map((_, v) => v).sort((a, b) => row[b]! - row[a]!).slice(0, topK ?? row.length);
  const weights = order.map((v) => Math.exp((row[v]! - row[order[0]!]!) / temperature));
  const total = weights.reduce((a, b) => a + b);
  let sum = 0;
  const count = weights.findIndex((weight) => (sum += weight) >= (topP ?? 2) * total) + 1;
  const kept = order.slice(0, count || order.length);
  const floor = row[kept[kept.length - 1]!]!;
  return new Set(row.keys().filter((v) => row[v]! >= floor));
}

/** Value that Gumbel-max compares, in float64. */
function perturbed(row: number[], v: number, rowKey: number, temperature: number): number {
  const word = philox([rowKey, v >> 2, key.step, key.purpose], [key.seed, key.stream])[v & 3]!;
  return row[v]! / temperature - Math.log(-Math.log1p(-(word + 0.5) / 2 ** 32));
}

const cases: [number, number, Omit<SampleOptions, "key">][] = [
  [1, 1, { temperature: 1 }],
  [5, 7, { temperature: 1 }],
  [3, 266, { temperature: 0.7 }],
  [2, 16_385, { temperature: 1 }],
  [9, 131, { temperature: 1.3, topK: 1 }],
  [9, 131, { temperature: 1.3, topK: 10 }],
  [9, 131, { temperature: 1, topP: 0.5 }],
  [9, 131, { temperature: 0.8, topK: 40, topP: 0.9 }],
  [4, 257, { temperature: 1, topK: 1000, topP: 1 }],
  [2, 16_384, { temperature: 1, topK: 600, topP: 0.7 }],
];

for (const [rows, cols, options] of cases) {
  Deno.test(`sample_categorical [${rows}, ${cols}] ${JSON.stringify(options)} takes the best of the kept ids`, async () => {
    const logits = randomRows(rows, cols);
    const ids = await draw(logits, { ...options, key });
    assert.deepEqual(await draw(logits, { ...options, key }, undefined, { rows: "block" }), ids);
    ids.forEach((id, n) => {
      const row = logits[n]!;
      const kept = keptIds(row, { ...options, key });
      assert.ok(kept.has(id), `row ${n}: ${id} is not among the ${kept.size} kept`);
      const best = Math.max(...kept.values().map((v) => perturbed(row, v, n, options.temperature)));
      const own = perturbed(row, id, n, options.temperature);
      assert.ok(own >= best - 1e-4, `row ${n}: id ${id} has ${own}, the best ${best}`);
    });
  });
}

Deno.test("sample_categorical draws with the frequencies of softmax", async () => {
  const weights = [1, 2, 3, 4, 0, 6], draws = 20_000;
  const rows = Array.from({ length: draws }, () => weights.map((w) => w ? Math.log(w) : -Infinity));
  const counts = new Array<number>(6).fill(0);
  for (const id of await draw(rows, { temperature: 1, key })) counts[id]!++;
  assert.equal(counts[4], 0);
  const chiSquare = counts.reduce((sum, n, v) => {
    const expected = draws * weights[v]! / 16;
    return expected ? sum + (n - expected) ** 2 / expected : sum;
  }, 0);
  assert.ok(chiSquare < 18.5, `chi-square ${chiSquare}`); // 4 degrees of freedom: 0.1 % lie beyond
});

Deno.test("sample_categorical at temperature 0 takes the first largest logit", async () => {
  assert.deepEqual(await draw([[1, 3, 3, 2], [-5, -9, -5, -7], [0, NaN, 1, 0]], { temperature: 0, key }), [1, 0, 2]);
});

Deno.test("sample_categorical keeps all that equal the last of the top-k", async () => {
  const logits = Array.from({ length: 300 }, () => [2, 1, 1, 1, 0, 0]);
  for (const rows of ["plain", "block"] as const) {
    const ids = await draw(logits, { temperature: 1, topK: 2, key }, undefined, { rows });
    assert.deepEqual([...new Set(ids)].sort(), [0, 1, 2, 3]);
  }
});

Deno.test("sample_categorical gives a row the same id in any batch", async () => {
  const rows = randomRows(64, 50);
  const all = await draw(rows, { temperature: 1, key });
  const order = [63, 5, 17];
  assert.deepEqual(
    await draw(order.map((n) => rows[n]!), { temperature: 1, key }, order),
    order.map((n) => all[n]),
  );
});

Deno.test("sample_categorical draws anew when a replayed step's scalar moves on", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const step = new Scalar(0);
  const logits = device.zeros([50, 100]), rowKeys = device.tensor(Int32Array.from({ length: 50 }, (_, n) => n));
  const captured = device.capture(() => sampleCategorical(logits, rowKeys, { temperature: 1, key: { ...key, step } }));
  captured.replay();
  const first = await captured.result.data();
  step.value = key.step;
  captured.replay();
  const second = await captured.result.data();
  captured.dispose();
  assert.notDeepEqual(first, second);
  assert.deepEqual(second, await sampleCategorical(logits, rowKeys, { temperature: 1, key }).data());
});

Deno.test("sample_categorical refuses wrong inputs and options", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const logits = device.zeros([2, 3]), rowKeys = device.zeros([2], "i32");
  const refuses = (
    message: string,
    options: Partial<SampleOptions>,
    inputs = [logits, rowKeys] as [typeof logits, typeof rowKeys],
  ) =>
    assert.throws(() => sampleCategorical(...inputs, { temperature: 1, key, ...options }), {
      name: "RangeError",
      message: `Cannot apply sample_categorical: ${message}`,
    });
  refuses("logits must have 2 axes, got shape [3]", {}, [device.zeros([3]), rowKeys]);
  refuses("logits must hold f32, got i32", {}, [device.zeros([2, 3], "i32"), rowKeys]);
  refuses("row keys must have shape [2], got [3]", {}, [logits, device.zeros([3], "i32")]);
  refuses("row keys must be i32, got f32", {}, [logits, device.zeros([2])]);
  refuses("rows may hold at most 32768 logits, got 32769", {}, [device.zeros([2, 32769]), rowKeys]);
  refuses("temperature must be 0 or a positive number, got -1", { temperature: -1 });
  refuses("top-k must be a positive integer, got 0", { topK: 0 });
  refuses("top-p must be above 0 and at most 1, got 0", { topP: 0 });
});
