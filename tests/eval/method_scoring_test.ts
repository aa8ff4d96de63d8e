import assert from "node:assert/strict";
import { arpgMethod, otherHandMethods, policyMethod } from "../../src/eval/decoding_method.ts";
import { paintPictures } from "../../src/eval/method_pictures.ts";
import { MethodScoring } from "../../src/eval/method_scoring.ts";
import { paintingDecisions } from "../../src/eval/painting_decisions.ts";
import { compareAtTargets } from "../../src/eval/target_comparison.ts";
import { tinyComparison } from "./tiny_comparison.ts";

const sampling = { guidance: 1.5, temperature: 1 };

Deno.test("MethodScoring: the mean over seeds of what each set of pictures scores by itself", async () => {
  const { painter, policy, yardstick } = await tinyComparison();
  using _painter = painter;
  const told: [number, string][] = [];
  const scoring = new MethodScoring(painter, yardstick, (more, what) => told.push([more, what]));
  const method = policyMethod(policy, 4, "sampled");
  const both = await scoring.score(method, sampling, { samples: 40, seeds: [3, 4] });
  const [one, two] = [
    await scoring.score(method, sampling, { samples: 40, seeds: [3] }),
    await scoring.score(method, sampling, { samples: 40, seeds: [4] }),
  ];
  for (const key of ["frechet", "accuracy"] as const) {
    assert.ok(Math.abs(both[key].value - (one[key].value + two[key].value) / 2) < 1e-9, key);
    assert.ok(both[key].low <= both[key].value && both[key].value <= both[key].high, key);
    assert.deepEqual(both.by_seed[key], [one[key].value, two[key].value]);
  }
  assert.notEqual(one.frechet.value, two.frechet.value);
  assert.ok(both.frechet.high > both.frechet.low);
  for (const key of ["kid", "inception_score", "precision", "recall", "diversity", "mean_steps"] as const) {
    assert.ok(Math.abs(both[key] - (one[key] + two[key]) / 2) < 1e-9, key);
  }
  assert.ok(both.mean_steps > 1 && both.mean_steps <= 4 && both.milliseconds > 0);
  const { settings: _, ...description } = method;
  assert.deepEqual({ ...both, ...description, ...sampling }, both);
  assert.deepEqual(told.slice(0, 2), [[40, "policy sampled, 4 steps"], [40, "policy sampled, 4 steps"]]);

  const brief = await scoring.brief(method, sampling, 40, 3);
  assert.ok(Math.abs(brief.frechet - one.frechet.value) < 1e-6 * brief.frechet);
  assert.equal(brief.accuracy, one.accuracy.value);
});

Deno.test("MethodYardstick: held-out real digits come closer than an untrained painter's pictures", async () => {
  const { painter, yardstick } = await tinyComparison();
  using _painter = painter;
  const { frechet } = await new MethodScoring(painter, yardstick).brief(arpgMethod(4), sampling, 40, 1);
  assert.ok(yardstick.heldOut.frechet < frechet, `${yardstick.heldOut.frechet} against ${frechet}`);
});

Deno.test("paintPictures: the classes in turn, with progress and a time", async () => {
  const { painter } = await tinyComparison();
  using _painter = painter;
  const done: number[] = [];
  const settings = arpgMethod(3).settings(sampling, 7);
  const { labels, images, painted, milliseconds } = await paintPictures(painter, settings, 30, (n) => done.push(n));
  assert.deepEqual([...labels.slice(8, 12)], [8, 9, 0, 1]);
  assert.deepEqual([images.length, painted.length], [30 * 64, 30 * 16]);
  assert.deepEqual(done, [30]);
  assert.ok(milliseconds > 0);
});

Deno.test("decoding methods: ARPG's own rule is one, every other schedule with every other order by hand", () => {
  const { family, name, target_steps } = arpgMethod(6);
  assert.deepEqual({ family, name, target_steps }, { family: "arpg", name: "arccos, random", target_steps: 6 });
  const others = otherHandMethods(6);
  assert.equal(others.length, 4 * 7 - 1);
  assert.ok(others.every((method) => method.family === "hand" && method.name !== name));
});

Deno.test("paintingDecisions: degrees by step, and the mean place of each cell", () => {
  // Two pictures of four cells: 3 cells, then 1; and 1, 1, 2.
  const painted = Int32Array.of(0, 0, 1, 0, 2, 0, 1, 2);
  assert.deepEqual(paintingDecisions(painted, 4, [1, 2, 3]), {
    degrees: [1, 2, 3],
    histogram: [[1, 0, 1], [2, 0, 0], [0, 1, 0]],
    painted_at: [(1 + 2.5) / 6, (1 + 0) / 6, (3 + 1) / 6, (1 + 2.5) / 6],
    width: 2,
  });
});

Deno.test("compareAtTargets: policy and rule at every target, from the same pictures' numbers", async () => {
  const { painter, policy, yardstick } = await tinyComparison();
  using _painter = painter;
  let pictures = 0;
  const { methods, decisions } = await compareAtTargets(painter, policy, yardstick, {
    sampling,
    samples: 40,
    seeds: [5],
    onPictures: (more) => pictures += more,
  });
  assert.deepEqual(methods.map(({ family, target_steps }) => [family, target_steps]), [
    ["policy", 2],
    ["arpg", 2],
    ["policy", 4],
    ["arpg", 4],
  ]);
  assert.equal(pictures, 160);
  assert.equal(decisions.target_steps, 2);
  assert.deepEqual(decisions.histogram.map((counts) => counts.reduce((a, b) => a + b)), [40, 40]);
});
