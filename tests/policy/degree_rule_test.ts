import assert from "node:assert/strict";
import fc from "fast-check";
import { DegreeRule, spacedDegrees } from "../../src/policy/degree_rule.ts";

/** Rising lists of degrees with 1 in them, a canvas, and enough steps to paint it. */
const limits = fc.tuple(
  fc.uniqueArray(fc.integer({ min: 2, max: 20 }), { maxLength: 6 }),
  fc.integer({ min: 1, max: 80 }),
)
  .chain(([others, cells]) => {
    const degrees = [1, ...others].sort((a, b) => a - b);
    const least = new DegreeRule({ degrees, steps: cells, cells }).leastSteps(cells);
    return fc.record({
      degrees: fc.constant(degrees),
      cells: fc.constant(cells),
      steps: fc.integer({ min: least, max: least + 4 }),
    });
  });

Deno.test("DegreeRule: whatever valid degrees are chosen, the painting is finished after T_max steps", () => {
  fc.assert(
    fc.property(limits, fc.infiniteStream(fc.nat()), (given, choices) => {
      const rule = new DegreeRule(given);
      let remaining = given.cells, step = 0;
      for (; remaining > 0; step++) {
        const valid = given.degrees.filter((_, i) => rule.valid(step, remaining)[i]);
        assert.ok(valid.length > 0, `no degree is valid at step ${step} with ${remaining} cells left`);
        remaining -= valid[choices.next().value! % valid.length]!;
      }
      assert.equal(remaining, 0);
      assert.ok(step <= given.steps);
      assert.ok(!rule.valid(step, 0).includes(true), "a finished painting has nothing to choose");
    }),
    { seed: 1 },
  );
});

Deno.test("DegreeRule: a degree is valid where some sequence of degrees finishes after it", () => {
  fc.assert(
    fc.property(limits, (given) => {
      const rule = new DegreeRule(given);
      let painted = new Set([0]); // numbers of cells that the steps left can paint
      for (let step = given.steps - 1; step >= 0; step--) {
        for (let remaining = 0; remaining <= given.cells; remaining++) {
          assert.deepEqual(rule.valid(step, remaining), given.degrees.map((d) => painted.has(remaining - d)));
        }
        painted = new Set([...painted].flatMap((n) => [n, ...given.degrees.map((d) => n + d)]));
      }
    }),
    { seed: 1, numRuns: 50 },
  );
});

Deno.test("DegreeRule: with all of 1 to K_max it is d <= remaining, d >= remaining - (T_max - t - 1) K_max", () => {
  const most = 5, steps = 6, cells = 27;
  const degrees = Array.from({ length: most }, (_, i) => i + 1), rule = new DegreeRule({ degrees, steps, cells });
  for (let step = 0; step < steps; step++) {
    for (let remaining = 0; remaining <= cells; remaining++) {
      const expected = degrees.map((d) => d <= remaining && d >= remaining - (steps - step - 1) * most);
      assert.deepEqual(rule.valid(step, remaining), expected, `step ${step}, ${remaining} cells`);
    }
  }
});

Deno.test("DegreeRule: a list with gaps keeps off numbers that the last steps cannot paint", () => {
  const rule = new DegreeRule({ degrees: [1, 2, 3, 4, 6], steps: 2, cells: 7 });
  assert.deepEqual(rule.valid(0, 7), [true, false, true, true, true], "2 would leave 5 for one step");
  assert.deepEqual(rule.valid(1, 4), [false, false, false, true, false], "the last step has no choice");
  assert.equal(rule.leastSteps(5), 2);
});

Deno.test("spacedDegrees: 1, 2, 3, 4, 6, 8, 12, ... and the largest", () => {
  assert.deepEqual(spacedDegrees(64), [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]);
  assert.deepEqual(spacedDegrees(20), [1, 2, 3, 4, 6, 8, 12, 16, 20]);
  assert.deepEqual([1, 2, 3, 4, 5].map((most) => spacedDegrees(most).join()), [
    "1",
    "1,2",
    "1,2,3",
    "1,2,3,4",
    "1,2,3,4,5",
  ]);
});

Deno.test("degrees that cannot be planned with are refused", () => {
  const refuses = (given: Partial<DegreeRule>, message: string) =>
    assert.throws(() => new DegreeRule({ degrees: [1, 2, 4], steps: 8, cells: 16, ...given }), {
      name: "RangeError",
      message,
    });
  refuses({ steps: 0 }, "Cannot plan degrees: the number of steps must be a positive integer, got 0");
  refuses({ cells: 1.5 }, "Cannot plan degrees: the number of cells must be a positive integer, got 1.5");
  refuses({ degrees: [0, 1] }, "Cannot plan degrees: a degree must be a positive integer, got 0");
  refuses({ degrees: [1, 4, 4] }, "Cannot plan degrees: their list must rise, got 4 after 4");
  refuses({ steps: 3 }, "Cannot paint 16 cells in 3 steps: the degrees 1, 2, 4 need 4 steps");
  refuses({ degrees: [3, 6] }, "Cannot paint 16 cells in 8 steps: the degrees 3, 6 do not add up to it");
  assert.throws(() => spacedDegrees(-1), {
    name: "RangeError",
    message: "Cannot plan degrees: the largest degree must be a positive integer, got -1",
  });
});
