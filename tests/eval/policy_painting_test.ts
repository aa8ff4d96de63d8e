import assert from "node:assert/strict";
import type { PaintSettings, PolicySettings } from "../../src/eval/arpg_painter.ts";
import { groupSizes } from "../../src/models/decode_schedule.ts";
import type { DecodingPolicyConfig } from "../../src/policy/decoding_policy_config.ts";
import { budgetDegrees } from "../../src/policy/step_budget.ts";
import { tinyArpgConfig } from "../models/tiny_arpg.ts";
import { stir, tinyPolicy } from "../policy/tiny_policy.ts";
import { testDevice } from "../support/device.ts";
import { tinyPainter } from "./tiny_painter.ts";

const { cells, classes } = tinyArpgConfig;
const targets = [3, 5];
const labels = [0, 1, 2, -1, 1];

/** Settings of a policy that has moved away from its start. */
async function settingsOf(
  change: Partial<PolicySettings> = {},
  sizes: Partial<DecodingPolicyConfig> = {},
): Promise<PolicySettings> {
  const degrees = budgetDegrees(targets, cells, "arccos");
  const limits = {
    cells,
    classes,
    degrees,
    targets,
    max_steps: 6,
    slack: 0,
    prior: { schedule: "arccos" as const, width: 1, floor: 0.1, order: "random" as const, trust: 0 },
  };
  const policy = tinyPolicy(await testDevice(), { ...limits, ...sizes });
  stir(policy, 2);
  return {
    policy,
    steps: 3,
    mode: "sampled",
    guidance: { scale: 2, form: "constant" },
    temperature: 1,
    seed: 5,
    ...change,
  };
}

/** Cells of each step. */
function groupsOf(painted: Int32Array): number[] {
  return Array.from({ length: Math.max(...painted) + 1 }, (_, t) => painted.filter((step) => step === t).length);
}

Deno.test("ArpgPainter with a policy: a picture depends on its number and label, whatever is painted with it", async () => {
  using painter = await tinyPainter();
  const settings = await settingsOf();
  const together = await painter.paint(labels, settings);
  for (const [i, label] of labels.entries()) {
    const alone = await painter.paint([label], settings, { first: i });
    const painted = together.painted.slice(i * cells, (i + 1) * cells);
    assert.deepEqual(alone.codes, together.codes.slice(i * cells, (i + 1) * cells), `codes ${i}`);
    assert.deepEqual(alone.images, together.images.slice(i * 64, (i + 1) * 64), `picture ${i}`);
    assert.deepEqual(alone.painted, painted);
    assert.ok(painted.every((step) => step >= 0 && step < 3), "every cell within the target's steps");
    assert.ok(groupsOf(painted).every((count) => count > 0));
  }
  for (const change of [{ seed: 6 }, { steps: 5 }, { mode: "greedy" }] as const) {
    const other = await painter.paint(labels, { ...settings, ...change });
    assert.notDeepEqual(other.painted, together.painted, JSON.stringify(change));
  }
  const again = await painter.paint(labels, settings);
  assert.deepEqual(again, together);
});

Deno.test("ArpgPainter with a policy: the first token of a cell is drawn as by hand-made rules", async () => {
  using painter = await tinyPainter();
  // One step: no token depends on an order, so that both paint the same picture.
  const policy = await settingsOf({ steps: 1 }, { targets: [1], degrees: [1, 16], max_steps: 1 });
  const hand: PaintSettings = {
    schedule: "arccos",
    order: "raster",
    steps: 1,
    guidance: policy.guidance,
    temperature: 1,
    seed: 5,
  };
  const first = { first: 9 };
  assert.deepEqual(await painter.paint(labels, policy, first), await painter.paint(labels, hand, first));
});

Deno.test("ArpgPainter with a policy: an untrained one that trusts an order paints greedily as the rule it starts from", async () => {
  using painter = await tinyPainter();
  const mask = Uint8Array.from({ length: labels.length * cells }, (_, i) => i % cells < i / cells ? 1 : 0);
  const known = { mask, codes: Int32Array.from(mask, (_, i) => (5 * i) % 12) };
  for (const order of ["halton", "random"] as const) {
    const prior = { schedule: "arccos", width: 0.05, floor: 0, order, trust: 0.5 } as const;
    const settings = await settingsOf({ mode: "greedy", steps: 5 }, { prior });
    const { guidance } = settings;
    for (const [name, tensor] of settings.policy.parameters()) {
      if (/(score|degree|strength|trust)\./.test(name)) tensor.write(new Float32Array(tensor.size));
    }
    const hand: PaintSettings = { schedule: "arccos", order, steps: 5, guidance, temperature: 1, seed: 5 };
    const found = await painter.paint(labels, settings, { first: 4 });
    assert.deepEqual(found, await painter.paint(labels, hand, { first: 4 }));
    const filled = await painter.paint(labels, settings, { known });
    assert.ok(filled.painted.every((step, i) => (step < 0) === (mask[i] === 1)), "known cells come first");
    const drawn = await painter.paint(labels, { ...settings, mode: "sampled" }, { first: 4 });
    assert.notDeepEqual(drawn.painted, found.painted);
  }
});

Deno.test("ArpgPainter with a policy: greedy decisions are the same whatever the number of the picture", async () => {
  using painter = await tinyPainter();
  // With temperature 0 no random number is left: neither in the tokens nor in the decisions.
  const settings = await settingsOf({ mode: "greedy", temperature: 0 });
  const [here, there] = [
    await painter.paint([1], settings),
    await painter.paint([1], { ...settings, seed: 6 }, { first: 3 }),
  ];
  assert.deepEqual(here, there);
  const drawn = await painter.paint([1, 1, 1, 1], { ...settings, mode: "sampled" });
  assert.notDeepEqual(drawn.painted.slice(0, cells), drawn.painted.slice(cells, 2 * cells));
});

Deno.test("ArpgPainter with a policy: known cells stay, each picture with its own; the rest is painted", async () => {
  using painter = await tinyPainter();
  const settings = await settingsOf();
  const mask = new Uint8Array(3 * cells), codes = Int32Array.from({ length: 3 * cells }, (_, i) => (5 * i) % 12);
  mask.fill(1, 0, 5);
  mask.fill(255, 2 * cells, 3 * cells); // everything
  const found = await painter.paint([0, 1, 2], settings, { known: { codes, mask } });
  for (let i = 0; i < 3 * cells; i++) {
    if (mask[i]) assert.equal(found.codes[i], codes[i], `known cell ${i}`);
    assert.equal(found.painted[i] === -1, mask[i] !== 0, `cell ${i}`);
  }
  const free = await painter.paint([0, 1, 2], settings);
  assert.deepEqual(found.codes.slice(cells, 2 * cells), free.codes.slice(cells, 2 * cells), "nothing known: as ever");
});

Deno.test("ArpgPainter with a policy: speed changes the number of steps, up to the policy's most", async () => {
  using painter = await tinyPainter();
  const prior = { schedule: "arccos", width: 0.05, floor: 0, order: "random", trust: 0 } as const;
  const settings = await settingsOf({}, { prior });
  for (const [_, tensor] of settings.policy.parameters()) tensor.write(new Float32Array(tensor.size)); // its prior alone
  const groups = async (speed: number) => groupsOf((await painter.paint([0], { ...settings, speed })).painted);
  assert.deepEqual(await groups(1), groupSizes("arccos", 3, cells));
  const [slow, fast] = [await groups(0.5), await groups(4)];
  assert.ok(slow.length > 3 && slow.length <= 6, `${slow}`);
  assert.ok(fast.length < 3, `${fast}`);
  for (const counts of [slow, fast]) assert.equal(counts.reduce((a, b) => a + b), cells);
});

Deno.test("ArpgPainter with a policy: gives the memory back; warm batches take none", async () => {
  const device = await testDevice();
  const painter = await tinyPainter();
  const settings = await settingsOf();
  const { liveBytes } = device.gpu.pool.counters;
  await painter.paint(labels, settings);
  const warm = device.gpu.pool.counters.created;
  await painter.paint(labels, { ...settings, seed: 8 }, { first: 20 });
  assert.equal(device.gpu.pool.counters.created, warm);
  painter[Symbol.dispose]();
  assert.equal(device.gpu.pool.counters.liveBytes, liveBytes);
});

Deno.test("ArpgPainter with a policy: one for other models, steps or speeds is an error", async () => {
  using painter = await tinyPainter();
  const settings = await settingsOf();
  const refused = async (wanted: PolicySettings, message: string) =>
    await assert.rejects(painter.paint([0], wanted), { name: "UserError", message });
  await refused({ ...settings, steps: 4 }, "Cannot paint in 4 steps: the policy knows 3, 5; ask for one of them");
  await refused({ ...settings, speed: 0 }, "Cannot paint at speed 0: wanted a positive number");
  await refused(
    await settingsOf({}, { classes: 10 }),
    "Cannot paint by this policy: it is for 16 cells and 10 classes, the model has 16 and 3; name the model that the " +
      "policy was trained for",
  );
});
