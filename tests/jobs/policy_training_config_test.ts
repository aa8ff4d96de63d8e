import assert from "node:assert/strict";
import { loadConfig } from "../../src/config/load_config.ts";
import { digitsPolicySchema } from "../../src/jobs/digits_policy_config.ts";
import { fileTest } from "../support/file_test.ts";

const configFile = new URL("../../configs/digits_policy.yaml", import.meta.url).pathname;
const load = (...overrides: string[]) => loadConfig(configFile, digitsPolicySchema, overrides);

await fileTest("digits_policy: parts must divide what they are parts of, where there are any", () => {
  const sizes = ["training.batch_size=4", "training.group_size=3"];
  load(...sizes, "training.minibatches=2", "generator.parts=5", "train=policy");
  load(...sizes, "generator.parts=6", "train=both");
  assert.throws(() => load(...sizes, "training.minibatches=3", "generator.parts=5", "train=generator"), {
    name: "UserError",
    message: "--set training.minibatches=3: training.minibatches: expected a number that divides batch_size, 4\n" +
      "--set generator.parts=5: generator.parts: expected a number that divides batch_size times group_size, 12",
  });
});
