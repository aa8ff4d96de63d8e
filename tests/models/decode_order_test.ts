import assert from "node:assert/strict";
import { cellOrder, type DecodeOrder, decodeOrders, knownFirst } from "../../src/models/decode_order.ts";

const sorted = (cells: Int32Array) => [...cells].sort((a, b) => a - b);
const all = (cells: number) => Array.from({ length: cells }, (_, i) => i);

for (const rule of decodeOrders) {
  Deno.test(`cellOrder ${rule}: a permutation, the same for the same seed and sample`, () => {
    for (const cells of [1, 4, 49, 256]) {
      const order = cellOrder(rule, cells, 3, 7);
      assert.deepEqual(sorted(order), all(cells));
      assert.deepEqual(cellOrder(rule, cells, 3, 7), order);
    }
    const fixed: DecodeOrder[] = ["raster", "random_shared"];
    const same = [0, 1, 2].every((sample) => `${cellOrder(rule, 49, 3, sample)}` === `${cellOrder(rule, 49, 3, 9)}`);
    assert.equal(same, fixed.includes(rule));
    assert.equal(`${cellOrder(rule, 49, 3, 1)}` === `${cellOrder(rule, 49, 4, 1)}`, rule === "raster");
  });
}

/** Mean over groups of four cells that follow each other in the order: how far the two nearest are apart. */
function nearestInGroups(rule: DecodeOrder): number {
  let sum = 0, groups = 0;
  for (let sample = 0; sample < 20; sample++) {
    const order = cellOrder(rule, 49, 1, sample);
    for (let at = 0; at + 4 <= 49; at += 4, groups++) {
      let nearest = Infinity;
      for (let i = at; i < at + 4; i++) {
        for (let j = at; j < i; j++) {
          const [a, b] = [order[i]!, order[j]!];
          nearest = Math.min(nearest, Math.hypot(Math.floor(a / 7) - Math.floor(b / 7), a % 7 - b % 7));
        }
      }
      sum += nearest;
    }
  }
  return sum / groups;
}

Deno.test("cellOrder: the cells of a group are farther apart in spread and halton order than in random order", () => {
  const [random, spread, halton, raster] = (["random", "spread", "halton", "raster"] as const).map(nearestInGroups);
  assert.ok(spread! > random! * 1.25 && halton! > random! * 1.25, `${spread} and ${halton} against ${random}`);
  assert.ok(raster! < random! * 0.8, `${raster} against ${random}`);
});

Deno.test("cellOrder: centre begins in the middle and rim at a corner", () => {
  assert.equal(cellOrder("centre", 49, 1, 1)[0], 24);
  assert.ok([0, 6, 42, 48].includes(cellOrder("rim", 49, 1, 1)[0]!));
  assert.equal(cellOrder("rim", 49, 1, 1)[48], 24);
});

Deno.test("cellOrder random: every cell is first equally often", () => {
  const first = new Float64Array(16);
  for (let sample = 0; sample < 3200; sample++) first[cellOrder("random", 16, 5, sample)[0]!]!++;
  const chi = first.reduce((sum, count) => sum + (count - 200) ** 2 / 200, 0);
  assert.ok(chi < 37.7, `chi-square ${chi} with 15 degrees of freedom, 99.9 % below 37.7`);
});

Deno.test("knownFirst: known cells in raster order, then the others as they were", () => {
  assert.deepEqual([...knownFirst(Int32Array.of(3, 0, 2, 1), Uint8Array.of(0, 1, 0, 1))], [1, 3, 0, 2]);
});
