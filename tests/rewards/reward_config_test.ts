import assert from "node:assert/strict";
import { describeIssue } from "../../src/config/describe_issue.ts";
import { type RewardConfig, rewardConfigSchema } from "../../src/rewards/reward_config.ts";

const plain = { combine: "sum", cost: "steps", classifier: { weight: 1, form: "probability" } } as const;

/** What is wrong with a config, a line each, as a command says it. */
function faults(config: unknown): string[] {
  const { error } = rewardConfigSchema.safeParse(config, { error: describeIssue, reportInput: true });
  return error?.issues.map(({ path, message }) => [path.join("."), message].filter(Boolean).join(": ")) ?? [];
}

Deno.test("rewardConfigSchema: every part and form, left out or null where it is not wanted", () => {
  const efficiencies: RewardConfig["efficiency"][] = [
    { form: "additive", weight: 0.3 },
    { form: "multiplicative", alpha: 0.25 },
    { form: "constraint", slack: 0, rate: 1 },
    null,
  ];
  for (const efficiency of efficiencies) assert.deepEqual(faults({ ...plain, efficiency }), []);
  const whole: RewardConfig = {
    combine: "product",
    classifier: null,
    quality: { weight: 0.5, form: "calibrated" },
    realism: { weight: 1, form: "discriminator" },
    fidelity: { weight: 1 },
    clip: { weight: 1, form: "softmax", folder: "clip", templates: ["a {name}", "{name}"], names: "names.txt" },
    aesthetic: { weight: 0.2, folder: "clip", file: "head.safetensors" },
    module: { path: "examples/ink_reward.ts", weight: 0.1 },
    cost: "latency",
  };
  assert.deepEqual(rewardConfigSchema.parse(whole), whole);
  const short = { weight: 1, form: "cosine", folder: "clip" };
  const templates = ["a photo of a {name}"];
  assert.deepEqual(rewardConfigSchema.parse({ ...whole, clip: short }).clip, { ...short, templates });
  const alone = { combine: "sum", cost: "steps" };
  assert.deepEqual(faults({ ...alone, clip: short }), []);
  assert.deepEqual(faults({ ...alone, aesthetic: whole.aesthetic }), []);
});

Deno.test("rewardConfigSchema refuses what has no meaning", () => {
  const none = "expected at least one reward besides efficiency: classifier, quality, realism, fidelity, clip, " +
    "aesthetic or module";
  assert.deepEqual(faults({ ...plain, classifier: null, efficiency: { form: "additive", weight: 1 } }), [none]);
  assert.deepEqual(faults({ ...plain, combine: "mean" }), [
    'combine: expected one of "sum", "product", received string "mean"',
  ]);
  assert.deepEqual(faults({ ...plain, realism: { weight: 0, form: "moments" } }), [
    "realism.weight: expected more than 0, received number 0",
  ]);
  assert.deepEqual(faults({ ...plain, efficiency: { form: "constraint", slack: 1, rate: 1 } }), [
    "efficiency.slack: expected less than 1, received number 1",
  ]);
  assert.deepEqual(faults({ ...plain, efficiency: { form: "fast" } }), [
    'efficiency.form: expected one of "additive", "multiplicative", "constraint", received string "fast"',
  ]);
  const clip = { weight: 1, form: "softmax", folder: "clip" };
  assert.deepEqual(faults({ ...plain, clip: { ...clip, templates: [] } }), [
    "clip.templates: expected at least 1 entries, received a list of 0",
  ]);
  assert.deepEqual(faults({ ...plain, clip: { ...clip, templates: ["a {name}", "a photo"] } }), [
    'clip.templates.1: expected a text with "{name}" in the class\'s place',
  ]);
  assert.deepEqual(faults({ ...plain, clip: { ...clip, form: "logits" } }), [
    'clip.form: expected one of "cosine", "softmax", received string "logits"',
  ]);
  assert.equal(faults({ ...plain, quality: { weight: 1, form: "classic", strength: 2 } }).length, 1, "unknown key");
});
