import assert from "node:assert/strict";
import { closest, didYouMean, editDistance } from "../../src/config/edit_distance.ts";

Deno.test("editDistance counts insertions, deletions, substitutions and swaps", () => {
  const cases: [string, string, number][] = [["", "abc", 3], ["steps", "stpes", 1], ["kitten", "sitting", 3], [
    "ca",
    "abc",
    3,
  ]];
  for (const [a, b, distance] of cases) {
    assert.equal(editDistance(a, b), distance, `${a} ${b}`);
    assert.equal(editDistance(b, a), distance, `${b} ${a}`);
  }
});

Deno.test("closest suggests a misspelling and nothing far away", () => {
  assert.equal(closest("Stpes", ["seed", "steps", "step_size"]), "steps");
  assert.equal(closest("zebra", ["seed", "steps"]), undefined);
  assert.equal(didYouMean("lrr", ["lr"]), '; did you mean "lr"?');
  assert.equal(didYouMean("lrr", []), "");
});
