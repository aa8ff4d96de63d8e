import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeSchedules, groupSizes } from "../../src/models/decode_schedule.ts";
import { DegreeRule, spacedDegrees } from "../../src/policy/degree_rule.ts";
import { handCount, handDegreeBias, handScheduleTables } from "../../src/policy/hand_schedule.ts";
import { assertAllClose } from "../support/assert_all_close.ts";

/** Degrees of a painting that always takes the likeliest valid one. */
function likeliest(rule: DegreeRule, groups: readonly number[]): number[] {
  const { valid, bias } = handScheduleTables(rule, groups), width = rule.degrees.length, taken: number[] = [];
  for (let remaining = rule.cells; remaining > 0; remaining -= taken.at(-1)!) {
    const at = (taken.length * (rule.cells + 1) + remaining) * width;
    const logits = rule.degrees.map((_, i) => valid[at + i] ? bias[at + i]! : -Infinity);
    taken.push(rule.degrees[logits.indexOf(Math.max(...logits))]!);
  }
  return taken;
}

Deno.test("handScheduleTables: the likeliest painting has the counts of the schedule where they are in the list", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...decodeSchedules),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 64 }),
      fc.nat({ max: 3 }),
      (schedule, steps, cells, spare) => {
        const groups = groupSizes(schedule, steps, cells);
        const degrees = Array.from({ length: Math.max(...groups) }, (_, i) => i + 1);
        const rule = new DegreeRule({ degrees, steps: groups.length + spare, cells });
        assert.deepEqual(likeliest(rule, groups), groups);
      },
    ),
    { seed: 1, numRuns: 50 },
  );
});

Deno.test("handScheduleTables: a list with gaps stays within a step of the schedule", () => {
  for (const steps of [4, 8, 12, 16, 32]) {
    const groups = groupSizes("arccos", steps, 256);
    const rule = new DegreeRule({ degrees: spacedDegrees(96), steps: steps + 1, cells: 256 });
    const taken = likeliest(rule, groups);
    assert.equal(taken.reduce((a, b) => a + b), 256);
    assert.ok(Math.abs(taken.length - groups.length) <= 1, `${taken} for ${groups}`);
  }
});

Deno.test("handCount comes back to the schedule, and takes the rest after it", () => {
  const groups = [4, 5, 7];
  assert.deepEqual([handCount(groups, 0, 16), handCount(groups, 1, 12), handCount(groups, 2, 7)], groups);
  assert.equal(handCount(groups, 1, 14), 7, "two behind");
  assert.equal(handCount(groups, 1, 6), 1, "far ahead");
  assert.equal(handCount(groups, 5, 3), 3);
  assert.equal(handCount(groups, 2, 0), 0);
});

Deno.test("handDegreeBias is a narrow distribution over the places of the list", () => {
  const degrees = [1, 2, 3, 4, 6, 8],
    p = (count: number, kernel = {}) => [...handDegreeBias(count, degrees, kernel)].map(Math.exp);
  for (const count of [1, 2, 5, 8, 20]) assertAllClose([p(count).reduce((a, b) => a + b)], [1], 1e-6);
  const neighbour = Math.exp(-1 / (2 * 0.3 ** 2));
  assertAllClose(p(4, { floor: 0 }), [0, 0, neighbour, 1, neighbour, 0].map((w) => w / (1 + 2 * neighbour)), 1e-6);
  assert.ok(p(4)[0]! > 1e-4, "the floor");
  assert.ok(p(6, { width: 0.1, floor: 0 })[4]! > 1 - 1e-9);
  const [, , , below, above] = p(Math.sqrt(24), { floor: 0 });
  assertAllClose([below!], [above!], 1e-6, "a count amid two degrees");
  assert.deepEqual(p(20), p(8));
  assert.deepEqual(p(0), p(1));
  assert.ok(handDegreeBias(1, spacedDegrees(256), { width: 0.05, floor: 0 }).every(Number.isFinite));
});

Deno.test("handDegreeBias refuses a kernel that is none", () => {
  assert.throws(() => handDegreeBias(1, [1, 2], { width: 0 }), {
    name: "RangeError",
    message: "Cannot weigh degrees: width must be above 0, got 0",
  });
  assert.throws(() => handDegreeBias(1, [1, 2], { floor: -0.1 }), {
    name: "RangeError",
    message: "Cannot weigh degrees: floor must be from 0 to 1, got -0.1",
  });
});
