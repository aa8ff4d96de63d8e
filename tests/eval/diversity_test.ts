import assert from "node:assert/strict";
import { relativeDiversity } from "../../src/eval/diversity.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { seededRandom } from "../support/random.ts";

const set = (labels: number[], images: number[][]) => ({
  images: Uint8Array.from(images.flat()),
  labels: Uint8Array.from(labels),
});

Deno.test("relativeDiversity: ratio of mean distances, averaged over classes", () => {
  // Class 0: distances 5 (real) and 10; class 1: mean of 1, 2, 3 is 2 (real) and 1.
  const real = set([0, 0, 1, 1, 1], [[0, 0], [3, 4], [1, 0], [2, 0], [4, 0]]);
  const generated = set([1, 0, 0, 1], [[9, 1], [0, 0], [6, 8], [9, 2]]);
  assertAllClose([relativeDiversity(generated, real)], [(10 / 5 + 1 / 2) / 2], 1e-12);
  assert.equal(relativeDiversity(real, real), 1);
  assert.equal(relativeDiversity(set([0, 0], [[7, 7], [7, 7]]), real), 0);
});

Deno.test("relativeDiversity: the first 200 images of a class are compared", () => {
  const random = seededRandom(1);
  const images = Array.from({ length: 210 }, (_, n) => n < 200 ? [random() * 99, random() * 99] : [255, 0]);
  const labels = images.map(() => 4);
  assert.equal(relativeDiversity(set(labels, images), set(labels.slice(0, 200), images.slice(0, 200))), 1);
});

Deno.test("relativeDiversity: refuses classes that cannot be compared", () => {
  const real = set([0, 0, 1, 1, 2], [[0], [1], [5], [5], [0]]);
  const cases: [number, string][] = [
    [1, "Cannot measure diversity of class 1: its real images must differ, all are equal"],
    [2, "Cannot measure diversity of class 2: wanted at least 2 real images, got 1"],
  ];
  for (const [label, message] of cases) {
    assert.throws(() => relativeDiversity(set([label, label], [[0], [1]]), real), { name: "RangeError", message });
  }
  assert.throws(() => relativeDiversity(set([0], [[0]]), real), {
    name: "RangeError",
    message: "Cannot measure diversity of class 0: wanted at least 2 generated images, got 1",
  });
});
