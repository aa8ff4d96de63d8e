import { type Normalisation, tokenWeights } from "../../src/rl/token_weights.ts";
import { assertAllClose } from "../support/assert_all_close.ts";

const mask = Float32Array.of(1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0);

const expected: [Normalisation, number | undefined, number[]][] = [
  ["sequence_mean", undefined, [1 / 6, 1 / 6, 0, 0, 1 / 3, 0, 0, 0, 0, 0, 0, 0]],
  ["token_mean", undefined, [1 / 3, 1 / 3, 0, 0, 1 / 3, 0, 0, 0, 0, 0, 0, 0]],
  ["constant_length", undefined, [1 / 12, 1 / 12, 0, 0, 1 / 12, 0, 0, 0, 0, 0, 0, 0]],
  ["constant_length", 10, [1 / 30, 1 / 30, 0, 0, 1 / 30, 0, 0, 0, 0, 0, 0, 0]],
];
for (const [normalisation, length, weights] of expected) {
  Deno.test(`token weights: ${normalisation}${length ? ` of ${length}` : ""}`, () =>
    assertAllClose(tokenWeights(mask, 4, normalisation, length), weights, 1e-7));
}

Deno.test("token weights: with full masks the three normalisations agree", () => {
  const full = new Float32Array(15).fill(1);
  for (const normalisation of ["sequence_mean", "token_mean", "constant_length"] as const) {
    assertAllClose(tokenWeights(full, 5, normalisation), full.map(() => 1 / 15), 1e-7, normalisation);
  }
});
