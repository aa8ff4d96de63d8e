import assert from "node:assert/strict";
import { permutation, philox, type PhiloxWords, unitFloat } from "../../src/tensor/philox.ts";

// The known answers that the authors' library Random123 is tested with (kat_vectors, philox4x32 10).
const knownAnswers: [PhiloxWords, [number, number], PhiloxWords][] = [
  [[0, 0, 0, 0], [0, 0], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]],
  [
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
];

knownAnswers.forEach(([counter, key, expected], i) => {
  Deno.test(`philox gives Random123's known answer ${i}`, () => {
    assert.deepEqual(philox(counter, key), expected);
  });
});

Deno.test("unitFloat stays inside (0, 1) and is exact in float32", () => {
  assert.equal(unitFloat(0), 2 ** -24);
  assert.equal(unitFloat(0xffffffff), 1 - 2 ** -24);
  assert.equal(Math.fround(unitFloat(0xffffffff)), unitFloat(0xffffffff));
});

Deno.test("permutation holds every index once, repeats with its key and differs with another", () => {
  const order = permutation(1000, [7, 1]);
  assert.deepEqual([...order].sort((a, b) => a - b), Array.from({ length: 1000 }, (_, i) => i));
  assert.deepEqual(permutation(1000, [7, 1]), order);
  assert.notDeepEqual(permutation(1000, [7, 2]), order);
  assert.deepEqual([...permutation(1, [0, 0])], [0]);
  assert.deepEqual([...permutation(0, [0, 0])], []);
});

Deno.test("permutation gives every order of three equally often", () => {
  const counts = new Map<string, number>();
  const draws = 6000;
  for (let i = 0; i < draws; i++) {
    const order = permutation(3, [i, 5]).join();
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.equal(counts.size, 6);
  const chiSquare = [...counts.values()].reduce((sum, n) => sum + (n - draws / 6) ** 2 / (draws / 6), 0);
  assert.ok(chiSquare < 20.5, `chi-square ${chiSquare}`); // 5 degrees of freedom: 0.1 % lie beyond
});
