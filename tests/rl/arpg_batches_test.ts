import assert from "node:assert/strict";
import { ArpgBatches } from "../../src/rl/arpg_batches.ts";
import { tinyCodes } from "./tiny_codes.ts";

/** Copies of a batch's arrays, which the next batch overwrites. */
function batchOf(batches: ArpgBatches, n: number) {
  batches.fill(n);
  const { tokens, classes, order } = batches;
  return { tokens: [...tokens], classes: [...classes], order: [...order] };
}

const cells = 16;
const rowsOf = (values: readonly number[], length: number) =>
  Array.from({ length: values.length / length }, (_, row) => values.slice(row * length, (row + 1) * length));

Deno.test("ArpgBatches: a batch is a function of the seed and its number", () => {
  const data = tinyCodes(20, 2);
  const one = new ArpgBatches(data, 6, 0.2, 5), other = new ArpgBatches(data, 6, 0.2, 5);
  assert.equal(one.perEpoch, 3);
  const inOrder = [0, 1, 2, 3, 4].map((n) => batchOf(one, n));
  for (const n of [4, 0, 3]) assert.deepEqual(batchOf(other, n), inOrder[n], `batch ${n}`);
  const elsewhere = batchOf(new ArpgBatches(data, 6, 0.2, 6), 0);
  for (const part of ["tokens", "classes", "order"] as const) assert.notDeepEqual(elsewhere[part], inOrder[0]![part]);
  assert.equal(new Set(inOrder.map(({ order }) => `${order}`)).size, 5, "orders of their own");
});

Deno.test("ArpgBatches: an epoch takes every image once, with its label; every row has an order of its own", () => {
  const data = tinyCodes(24, 1);
  const batches = new ArpgBatches(data, 6, 0, 1);
  const images: string[] = [], orders = new Set<string>();
  for (let n = 0; n < batches.perEpoch; n++) {
    const { tokens, classes, order } = batchOf(batches, n);
    rowsOf(tokens, cells).forEach((row, i) => {
      const image = rowsOf([...data.codes], cells).findIndex((codes) => `${codes}` === `${row}`);
      assert.equal(classes[i], data.labels[image]);
      images.push(`${image}`);
    });
    for (const row of rowsOf(order, cells)) {
      assert.deepEqual([...row].sort((a, b) => a - b), Array.from({ length: cells }, (_, cell) => cell));
      orders.add(`${row}`);
    }
  }
  assert.equal(new Set(images).size, 24);
  assert.equal(orders.size, 24);
});

Deno.test("ArpgBatches: crops, dropped classes and first cells come as often as they should", () => {
  const crops = 4, rounds = 120, size = 20;
  const data = tinyCodes(size, crops);
  const batches = new ArpgBatches(data, size, 0.1, 2);
  const rows = rowsOf([...data.codes], cells).map(String);
  const crop = new Float64Array(crops), first = new Float64Array(cells);
  let dropped = 0;
  for (let n = 0; n < rounds; n++) {
    const { tokens, classes, order } = batchOf(batches, n);
    rowsOf(tokens, cells).forEach((row) => crop[rows.indexOf(`${row}`) % crops]!++);
    rowsOf(order, cells).forEach((row) => first[row[0]!]!++);
    dropped += classes.filter((label) => label === -1).length;
  }
  const chiSquare = (counts: Float64Array) => {
    const mean = counts.reduce((a, b) => a + b) / counts.length;
    return counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0);
  };
  const total = rounds * size;
  assert.ok(
    chiSquare(crop) < 16.3,
    `crops ${crop}: 99.9 % of chi-squares with 3 degrees of freedom are below`,
  );
  assert.ok(chiSquare(first) < 37.7, `first cells ${first}: 15 degrees of freedom`);
  assert.ok(Math.abs(dropped / total - 0.1) < 4 * Math.sqrt(0.09 / total), `${dropped} of ${total} classes dropped`);
});

Deno.test("ArpgBatches: from some batch on only first crops are seen", () => {
  const crops = 3, data = tinyCodes(12, crops);
  const batches = new ArpgBatches(data, 12, 0, 2, 5);
  const rows = rowsOf([...data.codes], cells).map(String);
  const cropsOf = (n: number) => rowsOf(batchOf(batches, n).tokens, cells).map((row) => rows.indexOf(`${row}`) % crops);
  assert.ok([0, 1, 2, 3, 4].flatMap(cropsOf).some((crop) => crop > 0));
  assert.ok([5, 6, 7].flatMap(cropsOf).every((crop) => crop === 0));
});

Deno.test("ArpgBatches refuses batches larger than the data", () => {
  assert.throws(() => new ArpgBatches(tinyCodes(5, 1), 6, 0, 1), {
    name: "UserError",
    message: "Cannot make batches of 6 from 5 digits: lower the batch size, or raise data.train",
  });
});
