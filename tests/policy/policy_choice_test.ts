import assert from "node:assert/strict";
import { ArpgDecoder } from "../../src/models/arpg_decoder.ts";
import { decodeSchedules, groupSizes } from "../../src/models/decode_schedule.ts";
import { FrozenArpg } from "../../src/models/frozen_arpg.ts";
import { ProbedDecoder } from "../../src/models/probed_decoder.ts";
import type { DecodingPolicyConfig } from "../../src/policy/decoding_policy_config.ts";
import { type Decisions, logProbsOf, PolicyChoice, reconsider } from "../../src/policy/policy_choice.ts";
import { budgetDegrees, StepBudget } from "../../src/policy/step_budget.ts";
import { tinyArpg } from "../models/tiny_arpg.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { stir, tinyPolicy } from "./tiny_policy.ts";

const cells = 16, classes = 3;
const targets = [2, 3, 5];
const degrees = budgetDegrees(targets, cells, "arccos");
const sizes = { cells, classes, degrees, targets, max_steps: 5, slack: 0 };
const wanted = Array.from({ length: 24 }, (_, b) => targets[b % 3]!);
/** A prior so narrow that no draw here leaves ARPG's counts. */
const narrow = { schedule: "arccos", width: 0.05, floor: 0, order: "random", trust: 0 } as const;
/** One that leaves the degree open. */
const open = { schedule: "arccos", width: 2, floor: 0.1, order: "random", trust: 0 } as const;

interface Setting {
  readonly temperature?: number;
  readonly prior?: DecodingPolicyConfig["prior"];
  readonly change?: Partial<DecodingPolicyConfig>;
  /** Whether the policy is away from its start. */
  readonly moved?: boolean;
  readonly rollouts?: readonly number[];
}

/** Paints by a policy; the first sample of each row has the number of the rollout. */
async function paint({ temperature = 1, prior = open, change = {}, moved, rollouts }: Setting) {
  const device = await testDevice();
  const policy = tinyPolicy(device, { ...sizes, prior, ...change });
  if (moved) stir(policy, 2);
  const budget = new StepBudget(policy.config);
  const model = await FrozenArpg.of(tinyArpg(device));
  const numbers = rollouts ?? wanted.map((_, b) => b), batch = numbers.length;
  const choice = new PolicyChoice(policy, budget, { batch, temperature, keep: true });
  using decoder = new ProbedDecoder(model, {
    batch,
    steps: budget.steps,
    degrees,
    temperature: 1,
    choose: choice.choose,
  });
  const labels = Int32Array.from(numbers, (b) => b % classes);
  choice.write({ classes: labels, targets: numbers.map((b) => wanted[b]!), rollouts: numbers });
  const { tokens, painted } = decoder.decode({
    classes: labels,
    order: Int32Array.from({ length: batch * cells }, (_, i) => i % cells),
    samples: Int32Array.from(numbers),
    seed: 11,
  });
  const decisions = device.noGrad(() => choice.decisions(0, batch));
  const [ids, at, picks] = await device.read([tokens, painted, decisions.picks]);
  return { device, policy, model, budget, decisions, tokens: [...ids!], painted: [...at!], picks: [...picks!], labels };
}

/** Cells of each step of painting b. */
function groups(painted: readonly number[], b: number, steps: number): number[] {
  const counts = new Array<number>(steps).fill(0);
  for (const step of painted.slice(b * cells, (b + 1) * cells)) counts[step]!++;
  return counts;
}

Deno.test("PolicyChoice: the initial policy takes ARPG's counts in orders that are uniformly random", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const rollouts = Array.from({ length: 24 }, (_, b) => b);
  const { painted, picks, budget, decisions } = await paint({ prior: narrow, rollouts });
  const firsts = new Set<number>(), most = decisions.picks.shape[1]!;
  rollouts.forEach((b) => {
    const arccos = groupSizes("arccos", wanted[b]!, cells);
    assert.deepEqual(groups(painted, b, budget.steps), [...arccos, 0, 0, 0, 0].slice(0, budget.steps));
    firsts.add(picks[b * most]!);
  });
  assert.ok(firsts.size > 8, `first cells ${[...firsts]}`);
  // Every pick is one of n equally likely cells, every degree the only one.
  const [degree, logp, made] = await device.read([
    decisions.logProbs.degree,
    decisions.logProbs.picks,
    decisions.made.picks,
  ]);
  assertAllClose(degree!.filter((_, row) => made![row * most]! > 0), new Float32Array(54 + 26).fill(0), 1e-6);
  const expected = [];
  for (let row = 0; row < logp!.length; row++) {
    const b = Math.floor(row / most) % 24, t = Math.floor(row / most / 24), i = row % most;
    const arccos = groupSizes("arccos", wanted[b]!, cells);
    const filled = arccos.slice(0, t).reduce((a, g) => a + g, 0);
    expected.push(i < (arccos[t] ?? 0) ? -Math.log(cells - filled - i) : 0);
  }
  assertAllClose(logp!, expected, 1e-5);
});

Deno.test("PolicyChoice: an initial policy and ARPG's own decoding paint the same from the same orders", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const { model, tokens, painted, picks, labels, decisions } = await paint({ prior: narrow });
  const most = decisions.picks.shape[1]!, batch = wanted.length;
  const order = wanted.flatMap((_, b) =>
    [0, 1, 2, 3, 4].flatMap((t) => picks.slice((t * batch + b) * most, (t * batch + b + 1) * most)).filter((c) =>
      c >= 0
    )
  );
  const table = new Int32Array(5 * batch);
  wanted.forEach((steps, b) => groupSizes("arccos", steps, cells).forEach((count, t) => table[t * batch + b] = count));
  using decoder = new ArpgDecoder(model, { batch, temperature: 1, plan: { steps: 5, mostKnown: 0, mostGroup: cells } });
  const hand = decoder.decode({
    classes: labels,
    order: Int32Array.from(order),
    samples: Int32Array.from(wanted, (_, b) => b),
    seed: 11,
    groups: table,
  });
  const [ids, at] = await device.read([hand.tokens, hand.painted]);
  assert.deepEqual(tokens, [...ids!]);
  assert.deepEqual(painted, [...at!]);
});

Deno.test("PolicyChoice: every cell is painted once, within the target's steps or T_max, whatever the policy", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  for (const network of ["conv", "attention", "mlp"] as const) {
    for (
      const setting of [{}, { temperature: 0 }, {
        change: { network, max_steps: 7, slack: 2, state: "blind" },
      }] as const
    ) {
      const { painted, picks, budget, decisions } = await paint({ moved: true, change: { network }, ...setting });
      const most = decisions.picks.shape[1]!, batch = wanted.length;
      wanted.forEach((target, b) => {
        const counts = groups(painted, b, budget.steps);
        const last = counts.findLastIndex((count) => count > 0);
        assert.ok(counts.slice(0, last).every((count) => count > 0), `no empty step: ${counts}`);
        assert.ok(last < ("change" in setting ? target + 2 : target), `${counts} for ${target} steps`);
        const chosen = counts.flatMap((_, t) => picks.slice((t * batch + b) * most, (t * batch + b + 1) * most)).filter(
          (c) => c >= 0,
        );
        assert.deepEqual([...chosen].sort((x, y) => x - y), Array.from({ length: cells }, (_, cell) => cell));
        chosen.slice(0, counts[0]).forEach((cell) => assert.equal(painted[b * cells + cell], 0));
      });
    }
  }
});

async function logProbs(decisions: Decisions, policy: Parameters<typeof reconsider>[0]): Promise<number[]> {
  const { device } = decisions.degree;
  const { degree, picks } = device.noGrad(() => logProbsOf(policy, reconsider(policy, decisions), decisions));
  return (await device.read([degree, picks])).flatMap((values) => [...values!]);
}

Deno.test("PolicyChoice: log-probabilities in an update are those of the painting, whatever the batch", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  for (const network of ["conv", "attention", "mlp"] as const) {
    for (const repulsion of [{ sigma: 1.5 }, null]) {
      for (const rollouts of [[0, 1, 2, 3, 4, 5], [7]]) {
        const { decisions, policy } = await paint({ moved: true, change: { network, repulsion }, rollouts });
        const { degree, picks } = decisions.logProbs;
        const old = (await device.read([degree, picks])).flatMap((values) => [...values!]);
        assert.ok(old.some((value) => value < -0.5), "decisions were open");
        assertAllClose(await logProbs(decisions, policy), old, 1e-5);
      }
    }
  }
});

Deno.test("PolicyChoice: a rollout's decisions depend on its number and state, not on the batch", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const together = await paint({ moved: true });
  for (const b of [0, 10]) {
    const alone = await paint({ moved: true, rollouts: [b] });
    assert.deepEqual(alone.painted, together.painted.slice(b * cells, (b + 1) * cells));
    assert.deepEqual(alone.tokens, together.tokens.slice(b * cells, (b + 1) * cells));
  }
});

Deno.test("StepBudget: unknown targets and impossible canvases are refused", () => {
  const budget = new StepBudget({ ...sizes, prior: open });
  assert.throws(() => budget.base(4), {
    name: "RangeError",
    message: "Cannot paint in 4 steps: the policy's targets are 2, 3, 5; name one of them",
  });
  assert.throws(() => new StepBudget({ ...sizes, prior: open, targets: [2], degrees: [1, 2] }), {
    name: "RangeError",
    message: "Cannot paint 16 cells in 2 steps: the degrees 1, 2 need 8 steps",
  });
});

Deno.test("StepBudget: the prior follows the counts of the schedule it is given", () => {
  for (const schedule of decodeSchedules) {
    const degrees = budgetDegrees(targets, cells, schedule);
    const budget = new StepBudget({ ...sizes, degrees, prior: { ...narrow, schedule } });
    for (const target of targets) {
      const groups: number[] = [];
      for (let step = 0, remaining = cells; remaining > 0; step++) {
        const row = (budget.base(target) + step * (cells + 1) + remaining) * degrees.length;
        const likely = budget.prior.subarray(row, row + degrees.length);
        groups.push(degrees[likely.indexOf(Math.max(...likely))]!);
        remaining -= groups.at(-1)!;
      }
      assert.deepEqual(groups, groupSizes(schedule, target, cells), `${schedule} in ${target} steps`);
    }
  }
});
