import assert from "node:assert/strict";
import { inceptionScore } from "../../src/eval/inception_score.ts";
import { assertAllClose } from "../support/assert_all_close.ts";

Deno.test("inceptionScore: sure and alike in frequency gives C, all the same or unsure gives 1", () => {
  assertAllClose([inceptionScore([1, 0, 0, 0, 1, 0, 0, 0, 1], 3)], [3], 1e-12);
  assertAllClose([inceptionScore([0, 1, 0, 0, 1, 0], 3)], [1], 1e-12);
  assertAllClose([inceptionScore([0.25, 0.75, 0.25, 0.75], 2)], [1], 1e-12);
});

Deno.test("inceptionScore: the definition", () => {
  const rows = [[0.9, 0.1, 0], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.6, 0.3, 0.1]];
  const mean = [0, 1, 2].map((c) => rows.reduce((sum, row) => sum + row[c]! / 4, 0));
  const divergence = rows.reduce(
    (sum, row) => sum + row.reduce((kl, p, c) => p > 0 ? kl + p * Math.log(p / mean[c]!) : kl, 0) / 4,
    0,
  );
  assertAllClose([inceptionScore(rows.flat(), 3)], [Math.exp(divergence)], 1e-12);
});

Deno.test("inceptionScore refuses what are no probabilities", () => {
  const refuses = (values: number[], message: string) =>
    assert.throws(() => inceptionScore(values, 2), {
      name: "RangeError",
      message: `Cannot take the inception score: ${message}`,
    });
  refuses([1, 0, 1], "wanted whole rows of 2 probabilities, got 3");
  refuses([], "wanted whole rows of 2 probabilities, got 0");
  for (const row of [[0.5, 0.6], [1.5, -0.5], [NaN, 1]]) {
    refuses([1, 0, ...row], "row 1 must hold probabilities that sum to 1; apply softmax to logits");
  }
});
