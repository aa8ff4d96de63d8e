import assert from "node:assert/strict";
import {
  broadcastShapes,
  checkShape,
  lastAxis,
  requireRank,
  requireShape,
  resolveAxis,
  rowsOf,
  sameShape,
  showShape,
  sizeOf,
  stridesOf,
} from "../../src/tensor/shape.ts";

Deno.test("sizes, rows and strides of a shape", () => {
  assert.deepEqual([[], [1], [2, 3], [2, 3, 5]].map(sizeOf), [1, 1, 6, 30]);
  assert.deepEqual([[], [4], [2, 3, 5]].map(lastAxis), [1, 4, 5]);
  assert.deepEqual([[], [4], [2, 3, 5]].map(rowsOf), [1, 1, 6]);
  assert.deepEqual([[], [4], [2, 3, 5]].map(stridesOf), [[], [1], [15, 5, 1]]);
  assert.deepEqual([[], [2, 3]].map(showShape), ["[]", "[2, 3]"]);
  assert.ok(sameShape([2, 3], [2, 3]) && !sameShape([2, 3], [3, 2]) && !sameShape([2], [2, 1]));
});

Deno.test("broadcastShapes follows NumPy's rule", () => {
  assert.deepEqual(broadcastShapes("add", [2, 3], [3]), [2, 3]);
  assert.deepEqual(broadcastShapes("add", [2, 1, 5], [3, 1]), [2, 3, 5]);
  assert.deepEqual(broadcastShapes("add", [], [4]), [4]);
  assert.deepEqual(broadcastShapes("add", [1], [1, 1]), [1, 1]);
  assert.throws(() => broadcastShapes("add", [2, 3], [2, 4]), {
    name: "RangeError",
    message: "Cannot add [2, 3] and [2, 4]: sizes must be equal or 1, got 3 and 4 at axis 1",
  });
  assert.throws(() => broadcastShapes("multiply", [5, 2], [3, 1, 1, 3]), {
    message: "Cannot multiply [5, 2] and [3, 1, 1, 3]: sizes must be equal or 1, got 2 and 3 at axis 3",
  });
});

Deno.test("resolveAxis counts from either end", () => {
  assert.deepEqual([0, 2, -1, -3].map((axis) => resolveAxis("sum", [4, 5, 6], axis)), [0, 2, 2, 0]);
  for (const axis of [3, -4, 0.5, NaN]) {
    assert.throws(() => resolveAxis("sum", [4, 5, 6], axis), {
      name: "RangeError",
      message: `Cannot apply sum: axis ${axis} is out of range for shape [4, 5, 6]; use -3 to 2`,
    });
  }
});

Deno.test("resolveAxis says that a scalar has no axes", () => {
  assert.throws(() => resolveAxis("sum", [], 0), {
    message: "Cannot apply sum: axis 0 is out of range for shape []; a scalar has no axes",
  });
});

Deno.test("checks of shapes name what was wanted and what came", () => {
  checkShape([], "a scalar");
  for (const shape of [[2, 0], [-1], [1.5], [NaN]]) {
    assert.throws(() => checkShape(shape, "tensor"), {
      name: "RangeError",
      message: `Cannot make tensor of shape ${showShape(shape)}: every size must be a positive integer; ` +
        "leave out empty tensors",
    });
  }
  requireRank("softmax", "x", [2, 3], 2);
  requireRank("softmax", "x", [2, 3], { atLeast: 1 });
  assert.throws(() => requireRank("conv2d", "x", [2, 3], 4), {
    name: "RangeError",
    message: "Cannot apply conv2d: x must have 4 axes, got shape [2, 3]",
  });
  assert.throws(() => requireRank("softmax", "x", [], { atLeast: 1 }), {
    message: "Cannot apply softmax: x must have at least 1 axes, got shape []",
  });
  requireShape("linear", "bias", [3], [3]);
  assert.throws(() => requireShape("linear", "bias", [3, 1], [3]), {
    name: "RangeError",
    message: "Cannot apply linear: bias must have shape [3], got [3, 1]",
  });
});
