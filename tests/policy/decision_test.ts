import assert from "node:assert/strict";
import { sum } from "../../src/ops/reduce.ts";
import { plackettLuceWithRepulsion } from "../../src/ops/plackett_luce_repulsion.ts";
import {
  type Decision,
  decisionLogProbs,
  jointLogProb,
  maskHeads,
  type PolicyHeads,
} from "../../src/policy/decision.ts";
import type { Device } from "../../src/tensor/device.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { orderedChoices } from "../ops/ordered_draws.ts";

/** Heads that say the same of B states, and what they were made of. */
function headsOf(device: Device, batch: number, [logits, scores, degrees, cells]: readonly (readonly number[])[]) {
  const rows = (values: readonly number[]) => Array.from({ length: batch }, () => values).flat();
  const [raw, rawScores] = [logits!, scores!].map((values) => {
    const tensor = device.tensor(rows(values), [batch, values.length]);
    tensor.requiresGrad = true;
    return tensor;
  });
  const mask = (values: readonly number[]) => device.tensor(Int32Array.from(rows(values)), [batch, values.length]);
  const heads = maskHeads(raw!, rawScores!, { degrees: mask(degrees!), cells: mask(cells!) });
  return { heads, logits: raw!, scores: rawScores! };
}

const decisionOf = (device: Device, degree: readonly number[], picks: readonly (readonly number[])[]): Decision => ({
  degree: device.tensor(Int32Array.from(degree)),
  picks: device.tensor(Int32Array.from(picks.flat()), [picks.length, picks[0]!.length]),
});

Deno.test("decisionLogProbs: all decisions together have probability 1, with and without repulsion", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const cells = [1, 1, 0, 1, 1], degrees = [1, 1, 0, 1]; // degrees 1 to 4; 3 is not valid
  const all = degrees.flatMap((is, i) => is ? orderedChoices(5, i + 1).map((picks) => ({ i, picks })) : [])
    .filter(({ picks }) => picks.every((cell) => cells[cell]));
  const { heads } = headsOf(device, all.length, [[0.3, -1, 7, 0.5], [1, -2, 9, 0.5, 0], degrees, cells]);
  const decision = decisionOf(
    device,
    all.map(({ i }) => i),
    all.map(({ picks }) => [...picks, -1, -1, -1].slice(0, 4)),
  );
  const closeness = device.tensor(Float32Array.from({ length: 25 }, (_, i) => 1 / (1 + i % 3)), [5, 5]);
  for (const repulsion of [undefined, { strength: device.tensor([1.5]), closeness }]) {
    const joint = await jointLogProb(decisionLogProbs(heads, decision, repulsion)).data();
    assertAllClose([[...joint].reduce((total, lp) => total + Math.exp(lp), 0)], [1], 1e-5);
  }
});

Deno.test("decisionLogProbs: choice by choice, and gradients only where something could be chosen", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const { heads, logits, scores } = headsOf(device, 1, [[0, Math.LN2, 5], [0, 0, 3, Math.log(3)], [1, 1, 0], [
    1,
    1,
    0,
    1,
  ]]);
  const found = decisionLogProbs(heads, decisionOf(device, [1], [[3, 0, -1]]));
  assertAllClose(await found.degree.data(), [Math.log(2 / 3)], 1e-6);
  assertAllClose(await found.picks.data(), [Math.log(3 / 5), -Math.LN2, 0], 1e-6);
  const [dlogits, dscores] = gradients(sum(jointLogProb(found)), [logits, scores]);
  assertAllClose(await dlogits!.data(), [-1 / 3, 1 / 3, 0], 1e-6);
  assertAllClose(await dscores!.data(), [-1 / 5 + 1 / 2, -1 / 5 - 1 / 2, 0, 2 / 5], 1e-6);
});

Deno.test("decisionLogProbs: one valid choice has log-probability 0 and no gradient, exactly", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  for (const value of [0.1, -7.3, 33.7, 1e4]) {
    const { heads, logits, scores } = headsOf(device, 1, [[9, value, 1], [value, 2, 40], [0, 1, 0], [1, 0, 0]]);
    const found = decisionLogProbs(heads, decisionOf(device, [1], [[0, -1]]));
    assert.deepEqual([...await found.degree.data(), ...await found.picks.data()].map(Math.abs), [0, 0, 0]);
    for (const grad of gradients(sum(jointLogProb(found)), [logits, scores])) {
      assert.ok((await grad.data()).every((g) => g === 0), `${await grad.data()}`);
    }
  }
});

Deno.test("decisionLogProbs passes the repulsion on", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const { heads } = headsOf(device, 2, [[0, 0], [1, 2, 3], [1, 1], [1, 1, 1]]);
  const repulsion = {
    strength: device.tensor([2]),
    closeness: device.tensor([1, 0.5, 0, 0.5, 1, 0.5, 0, 0.5, 1], [3, 3]),
  };
  const decision = decisionOf(device, [1, 1], [[0, 1], [2, 0]]);
  const { scores, valid }: PolicyHeads = heads;
  assert.deepEqual(
    await decisionLogProbs(heads, decision, repulsion).picks.data(),
    await plackettLuceWithRepulsion(scores, valid.cells, decision.picks, repulsion).data(),
  );
});
