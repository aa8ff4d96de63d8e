import assert from "node:assert/strict";
import { bestBySteps, judgeError, matchedPairs, nameOf, relation } from "../../src/report/policy_report_comparison.ts";
import { estimate, method } from "./synthetic_run.ts";

const interval = (low: number, high: number) => ({ value: (low + high) / 2, low, high });

Deno.test("relation: apart, touching, or unknown", () => {
  assert.equal(relation(interval(1, 2), interval(2.1, 3)), "below");
  assert.equal(relation(interval(3, 4), interval(1, 2.9)), "above");
  assert.equal(relation(interval(1, 2), interval(2, 3)), "overlapping");
  assert.equal(relation(interval(1, NaN), interval(2, 3)), "unknown");
});

Deno.test("judgeError turns accuracy and its interval round", () => {
  const { value, low, high } = judgeError(method({ accuracy: { value: 0.75, low: 0.5, high: 0.875 } }));
  assert.deepEqual({ value, low, high }, { value: 0.25, low: 0.125, high: 0.5 });
});

Deno.test("matchedPairs: the nearest steps by factor first, then the same guidance, then the best", () => {
  const policy = method({ name: "p", family: "policy", mean_steps: 7.9, guidance: 1.5, frechet: estimate(50) });
  const worse = method({ name: "q", family: "policy", mean_steps: 3, frechet: estimate(90) });
  const rule = (name: string, mean_steps: number, guidance: number, frechet: number) =>
    method({ name, mean_steps, guidance, frechet: estimate(frechet) });
  const rules = [rule("far", 6, 1.5, 40), rule("other guidance", 8, 2, 50), rule("same", 8, 1.5, 60)];
  const names = (...methods: Parameters<typeof matchedPairs>[0]) =>
    matchedPairs(methods).map(({ policy, arpg }) => [policy.name, arpg.name]);
  assert.deepEqual(names(worse, policy, ...rules), [["p", "same"], ["q", "far"]]);
  assert.deepEqual(names(policy, rules[1]!, rule("third", 8, 3, 45)), [["p", "third"]]);
  assert.deepEqual(names(policy, method({ family: "hand" })), []);
});

Deno.test("bestBySteps: one for each target, by mean steps, those without a distance last", () => {
  const [a, b, c, d] = [
    method({ target_steps: 8, mean_steps: 8, frechet: estimate(NaN) }),
    method({ target_steps: 8, mean_steps: 8, frechet: estimate(60) }),
    method({ target_steps: 4, mean_steps: 4 }),
    method({ target_steps: 8, mean_steps: 7, frechet: estimate(70) }),
  ];
  assert.deepEqual(bestBySteps([a, b, c, d]), { best: [c, b], others: [a, d] });
});

Deno.test("nameOf tells how a policy decides, once", () => {
  assert.equal(nameOf(method({ name: "policy", mode: "greedy" })), "policy, greedy");
  assert.equal(nameOf(method({ name: "greedy policy", mode: "greedy" })), "greedy policy");
  assert.equal(nameOf(method({ name: "arccos" })), "arccos");
});
