import assert from "node:assert/strict";
import { constant, cosine, warmup } from "../../src/optim/schedule.ts";

Deno.test("constant gives its rate at every step", () => {
  assert.deepEqual([0, 1, 1000].map(constant(0.3)), [0.3, 0.3, 0.3]);
});

Deno.test("cosine falls from the rate to the floor and stays there", () => {
  const schedule = cosine(1, 0.2, 4);
  const middle = (1 + Math.SQRT1_2) / 2 * 0.8 + 0.2;
  [1, middle, 0.6, 1.2 - middle, 0.2, 0.2].forEach((rate, step) => {
    assert.ok(Math.abs(schedule(step) - rate) < 1e-12, `step ${step}: ${schedule(step)} for ${rate}`);
  });
});

Deno.test("warmup rises linearly and leaves the schedule alone afterwards", () => {
  assert.deepEqual([0, 1, 2, 3, 4].map(warmup(4, constant(8))), [2, 4, 6, 8, 8]);
  assert.equal(warmup(2, cosine(1, 0, 4))(4), 0);
  assert.equal(warmup(0, constant(8))(0), 8);
});
