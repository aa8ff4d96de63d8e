import assert from "node:assert/strict";
import type { LabelledImages } from "../../src/eval/diversity.ts";
import { comparePolicy, picturesOf, type PolicyComparisonPlan } from "../../src/eval/policy_comparison.ts";
import { searchOrders } from "../../src/eval/order_search.ts";
import { mean } from "../../src/ops/reduce.ts";
import { reshape } from "../../src/ops/reshape.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { tinyComparison } from "./tiny_comparison.ts";

/** The mean grey level. */
const rewardOf = () =>
  Promise.resolve({
    score: ({ images }: { images: Tensor }) => mean(reshape(images, [images.shape[0]!, 64]), 1),
    [Symbol.dispose]: () => {},
  });

const plan: PolicyComparisonPlan = {
  samples: 40,
  seeds: [1],
  tuning_samples: 20,
  guidance: [1, 2],
  temperature: [1],
  speeds: [1.5],
  finalists: 2,
  search: 0,
  references: [4, 5],
};

Deno.test("comparePolicy: every method at its own best trial, hand-made rules screened, no more pictures than told", async () => {
  const { painter, policy, yardstick } = await tinyComparison();
  using _painter = painter;
  const told: number[] = [];
  const found = await comparePolicy(
    { painter, policy, yardstick, rewardOf, onProgress: (done) => told.push(done) },
    plan,
  );
  assert.equal(told.at(-1), picturesOf(policy, plan));
  assert.ok(told.every((done, i) => i === 0 || done > told[i - 1]!));
  const rows = found.methods.map(({ name, mode, target_steps }) => [name, mode, target_steps]);
  const at = (steps: number) => [
    ["policy", "sampled", steps],
    ["policy", "greedy", steps],
    ["policy at speed 1.5", "sampled", steps],
    ["arccos, random", null, steps],
  ];
  assert.deepEqual(rows.filter((_, i) => found.methods[i]!.family !== "hand"), [
    ...at(2),
    ...at(4),
    ["arccos, random", null, 5],
  ]);
  for (const { name, mode, target_steps, guidance } of found.methods) {
    const tried = found.tuning.filter((t) => t.name === name && t.mode === mode && t.target_steps === target_steps);
    assert.equal(tried.length, 2);
    assert.equal(guidance, tried.toSorted((a, b) => a.frechet - b.frechet)[0]!.guidance);
  }
  for (const steps of [2, 4]) {
    const screened = found.screening.filter(({ target_steps }) => target_steps === steps);
    assert.equal(screened.length, 27);
    const best = screened.toSorted((a, b) => a.frechet - b.frechet).slice(0, 2).map(({ name }) => name);
    const scored = found.methods.filter(({ family, target_steps }) => family === "hand" && target_steps === steps);
    assert.deepEqual(scored.map(({ name }) => name), best);
  }
});

Deno.test("comparePolicy: one guidance and temperature need no trial", async () => {
  const { painter, policy, yardstick } = await tinyComparison();
  using _painter = painter;
  const brief = { ...plan, seeds: [1, 2], guidance: [2], speeds: [], finalists: 0, references: [] };
  let pictures = 0;
  const onProgress = (done: number) => pictures = done;
  const found = await comparePolicy({ painter, policy, yardstick, rewardOf, onProgress }, brief);
  assert.deepEqual([pictures, picturesOf(policy, brief)], [12 * 40, 12 * 40]);
  assert.deepEqual([found.methods.length, found.tuning.length, found.screening.length], [6, 0, 0]);
  assert.ok(found.methods.every(({ guidance }) => guidance === 2));
});

Deno.test("searchOrders: the best of several orders by the reward, ARPG's own rule first", async () => {
  const { painter, yardstick } = await tinyComparison();
  using _painter = painter;
  const options = { steps: 4, sampling: { guidance: 1, temperature: 1 }, samples: 40, seed: 3 };
  let pictures = 0;
  const onPictures = (more: number) => pictures += more;
  const seen: LabelledImages[] = [];
  const remember = (present: LabelledImages) => {
    seen.push(present);
    return rewardOf();
  };
  const found = await searchOrders(painter, remember, yardstick, { ...options, candidates: 4, onPictures });
  assert.equal(pictures, 160);
  // Told of every choice: the first order at the start, then brighter and brighter pictures.
  assert.equal(seen.length, 32);
  const levels = seen.map(({ images, labels }) => {
    assert.deepEqual([labels.length, images.length, labels[13]], [40, 40 * 64, 3]);
    return images.reduce((sum, level) => sum + level, 0);
  });
  assert.ok(levels.every((level, i) => i === 0 || level >= levels[i - 1]!), `${levels}`);
  assert.ok(levels[4]! < levels[11]! && levels[11] === levels[31], "the first sweep chose the brightest of each");
  assert.deepEqual(found.map(({ candidates }) => candidates), [1, 4]);
  assert.ok(found[1]!.reward > found[0]!.reward, `${found[1]!.reward} and ${found[0]!.reward}`);
  const [alone, ...none] = await searchOrders(painter, rewardOf, yardstick, { ...options, candidates: 1 });
  assert.deepEqual([alone, none], [found[0], []]);
});
