import assert from "node:assert/strict";
import { groupSizes } from "../../src/models/decode_schedule.ts";
import { Initializer } from "../../src/nn/init.ts";
import { argmax } from "../../src/ops/argmax.ts";
import { embedding } from "../../src/ops/embedding.ts";
import { gumbelTopK } from "../../src/ops/gumbel_top_k.ts";
import { sum } from "../../src/ops/reduce.ts";
import { ClassicPolicy } from "../../src/policy/classic_policy.ts";
import { decisionLogProbs, jointLogProb } from "../../src/policy/decision.ts";
import { DegreeRule } from "../../src/policy/degree_rule.ts";
import { handScheduleTables } from "../../src/policy/hand_schedule.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";
import { chiSquare, countRows, orderedChoices } from "../ops/ordered_draws.ts";

const random = seededRandom(1);
const statesOf = (batch: number, width: number) => Float32Array.from({ length: batch * width }, () => random());

Deno.test("ClassicPolicy starts as the hand schedule: its counts, and every order equally likely", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const cells = 16, groups = groupSizes("arccos", 6, cells), degrees = [1, 2, 3, 4, 5];
  const rule = new DegreeRule({ degrees, steps: 8, cells });
  const tables = handScheduleTables(rule, groups, { width: 0.1, floor: 0 });
  const policy = new ClassicPolicy(new Initializer(device, 7), { state: 11, hidden: 32, degrees: 5, cells });
  const bias = device.tensor(tables.bias, [8 * (cells + 1), 5]);

  const batch = groups.length, left = groups.map((_, t) => groups.slice(t).reduce((a, b) => a + b));
  const rows = left.map((remaining, t) => t * (cells + 1) + remaining);
  const valid = {
    degrees: device.tensor(
      Int32Array.from(rows.flatMap((row) => [...tables.valid.subarray(row * 5, row * 5 + 5)])),
      [batch, 5],
    ),
    cells: device.tensor(
      Int32Array.from({ length: batch * cells }, (_, i) => i % cells < left[Math.floor(i / cells)]! ? 1 : 0),
      [batch, cells],
    ),
  };
  const heads = policy.forward(
    device.tensor(statesOf(batch, 11), [batch, 11]),
    valid,
    embedding(bias, device.tensor(Int32Array.from(rows))),
  );
  assert.deepEqual([...await argmax(heads.degreeLogits).data()].map((i) => degrees[i]), groups);
  const k = Math.max(...groups);
  const picks = groups.map((count) => Array.from({ length: k }, (_, i) => i < count ? i : -1));
  const found = decisionLogProbs(heads, {
    degree: device.tensor(Int32Array.from(groups, (count) => count - 1)),
    picks: device.tensor(Int32Array.from(picks.flat()), [batch, k]),
  });
  assertAllClose(await found.degree.data(), groups.map(() => 0), 1e-6);
  const uniform = picks.flatMap((row, t) => row.map((pick, i) => pick < 0 ? 0 : -Math.log(left[t]! - i)));
  assertAllClose(await found.picks.data(), uniform, 1e-5);
});

Deno.test("ClassicPolicy starts with orders as ARPG draws them: uniform", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const draws = 6000, cells = 4;
  const policy = new ClassicPolicy(new Initializer(device, 8), { state: 3, hidden: 8, degrees: 2, cells });
  const valid = { degrees: device.full([draws, 2], 1, "i32"), cells: device.full([draws, cells], 1, "i32") };
  const { scores } = policy.forward(device.tensor(statesOf(draws, 3), [draws, 3]), valid);
  const keys = device.tensor(Int32Array.from({ length: draws }, (_, i) => i));
  const key = { seed: 1, stream: 2, step: 0, purpose: 3 };
  const picks = await gumbelTopK(scores, valid.cells, keys, { k: 4, temperature: 1, key }).data();
  const law = new Map(orderedChoices(4, 4).map((order) => [order.join(), 1 / 24]));
  const distance = chiSquare(countRows(picks, 4), law, draws);
  assert.ok(distance < 49.7, `chi-square ${distance}`); // 23 degrees of freedom: 0.1 % lie beyond
});

Deno.test("ClassicPolicy learns from its zero start, and a padded batch says the same", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const policy = new ClassicPolicy(new Initializer(device, 9), { state: 5, hidden: 9, degrees: 3, cells: 6 });
  const parameters = policy.parameters();
  assert.deepEqual(parameters.get("parallel_head.0.weight")!.shape, [4, 9]);
  const run = (states: Float32Array, batch: number) => {
    const valid = { degrees: device.full([batch, 3], 1, "i32"), cells: device.full([batch, 6], 1, "i32") };
    return policy.forward(device.tensor(states, [batch, 5]), valid);
  };
  const states = statesOf(4, 5);
  const decision = {
    degree: device.tensor(Int32Array.of(0, 1, 2, 1)),
    picks: device.tensor(Int32Array.of(0, -1, -1, 3, 4, -1, 5, 2, 0, 1, 3, -1), [4, 3]),
  };
  const joint = jointLogProb(decisionLogProbs(run(states, 4), decision));
  const grads = gradients(sum(joint), [...parameters.values()]);
  const moved = await Promise.all(grads.map(async (grad) => [...await grad.data()].some((g) => g !== 0)));
  assert.deepEqual(
    [...parameters.keys()].filter((_, i) => moved[i]),
    ["parallel_head.2.weight", "parallel_head.2.bias", "position_head.2.weight", "position_head.2.bias"],
  );
  for (const [i, tensor] of [...parameters.values()].entries()) {
    if (moved[i]) tensor.write(Float32Array.from(await grads[i]!.data()));
  }
  const padded = Float32Array.from({ length: 35 }, (_, i) => states[i] ?? 0);
  const [few, many] = [run(states, 4), run(padded, 7)];
  assertAllClose((await many.scores.data()).subarray(0, 24), await few.scores.data(), 1e-6);
  assertAllClose((await many.degreeLogits.data()).subarray(0, 12), await few.degreeLogits.data(), 1e-6);
});
