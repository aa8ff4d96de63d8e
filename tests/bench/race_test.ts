import assert from "node:assert/strict";
import { type Contender, worstDifference } from "../../bench/contender.ts";
import { race, timingOf } from "../../bench/race.ts";
import { rowOf } from "../../bench/suite.ts";

const pace = { rounds: 3, milliseconds: 0.01 };

/** Computes the number of its runs plus `offset`; notes every call. */
function counting(name: string, offset: number, calls: string[] = [], comparedRun = 1): Contender {
  let runs = 0;
  return {
    name,
    comparedRun,
    run: () => {
      runs++;
      calls.push(`${name} runs`);
    },
    settle: () => Promise.resolve(),
    results: () => Promise.resolve([[runs + offset]]),
    dispose: () => {},
  };
}

Deno.test("worstDifference: a share of the largest wanted element; not finite is infinitely wrong", () => {
  assert.equal(worstDifference([[1, 2], [5]], [[1, 4], [5]]), 0.5);
  assert.equal(worstDifference([[0]], [[0]]), 0);
  assert.equal(worstDifference([[1, NaN]], [[1, 2]]), Infinity);
  assert.throws(() => worstDifference([[1]], [[1], [2]]), { message: "Cannot compare 1 results with 2" });
  assert.throws(() => worstDifference([[1]], [[1, 2]]), {
    message: "Cannot compare result 0: wanted 2 elements, got 1",
  });
});

Deno.test("race: who computes something else or fails is not timed, with the reason", async () => {
  const failing = { ...counting("failing", 0), run: () => Promise.reject(new Error("no such op\nsecond line")) };
  const outcomes = await race([counting("ours", 0), counting("same", 5e-4), counting("wrong", 1), failing], pace);
  assert.deepEqual([...outcomes.keys()].toSorted(), ["failing", "ours", "same", "wrong"]);
  assert.ok("timing" in outcomes.get("ours")! && "timing" in outcomes.get("same")!);
  assert.deepEqual(outcomes.get("wrong"), { refused: "its result differs by 1.0e+0" });
  assert.deepEqual(outcomes.get("failing"), { refused: "Error: no such op" });
});

Deno.test("race: ours must run", async () => {
  const failing = { ...counting("ours", 0), run: () => Promise.reject(new Error("broken")) };
  await assert.rejects(race([failing], pace), { message: "broken" });
});

Deno.test("race: results are compared at the run that the contender names", async () => {
  const outcomes = await race([counting("ours", 0, [], 4), counting("peer", 0, [], 4)], pace);
  assert.equal((outcomes.get("peer") as { difference: number }).difference, 0);
});

Deno.test("race: contenders take turns in every round", async () => {
  const calls: string[] = [];
  await race([counting("a", 0, calls), counting("b", 0, calls)], { rounds: 2, milliseconds: 0 });
  assert.equal(calls.slice(-4).join(), "a runs,b runs,a runs,b runs");
});

Deno.test("timingOf: medians, and the spread as a share", () => {
  const samples = [{ wall: 3, cpu: 5 }, { wall: 1, cpu: 4 }, { wall: 2, cpu: 9 }];
  assert.deepEqual(timingOf(samples, 7), { wall: 2, cpu: 5, spread: 1, runs: 7 });
});

Deno.test("rowOf: throughput, share of the nearer peak, ratio to the faster of tfjs and jax-js", () => {
  const timing = (wall: number) => ({ wall, cpu: wall + 2, spread: 0, runs: 1 });
  const timings = { "stipple": timing(2), "tfjs": timing(30), "jax-js": timing(8), "onnxruntime-web": timing(1) };
  const plan = { name: "op", cost: { flops: 2e7, bytes: 4e6 }, wanted: 5 };
  const row = rowOf(plan, timings, { gflops: 40, gbytes: 3 });
  assert.deepEqual(row, {
    name: "op",
    timings,
    gflops: 10,
    gbytes: 2,
    share: 2 / 3,
    ratio: 4,
    cpuRatio: 2.5,
    wanted: 5,
  });
  const alone = { stipple: timing(2) };
  assert.deepEqual(rowOf({ name: "op" }, alone, { gflops: 1, gbytes: 1 }), { name: "op", timings: alone });
});
