import { canonicalConfig } from "../../src/config/canonical.ts";
import { RunDirectory } from "../../src/io/run_directory.ts";
import { policyPath } from "../../src/jobs/policy_evaluation_config.ts";
import { savePolicy } from "../../src/jobs/policy_file.ts";
import { budgetDegrees } from "../../src/policy/step_budget.ts";
import { stir, tinyPolicy } from "../policy/tiny_policy.ts";
import { testDevice } from "../support/device.ts";
import { writeDigits } from "./run_job.ts";
import { writeTinyModels } from "./tiny_models.ts";

/** Writes the run of an untrained policy of 16 cells with the targets 2 and 4, and everything that its config names. */
export async function writeTinyPolicyRun(folder: string): Promise<RunDirectory> {
  const device = await testDevice();
  const { images, labels } = await writeDigits(folder, 240);
  const { arpg, tokenizer, judge } = await writeTinyModels(folder, 4);
  const run = await RunDirectory.create(`${folder}/run`);
  const config = {
    job: "digits_policy",
    seed: 1,
    memory_gib: 2,
    data: { source: { images, labels }, train: 140, test: 100 },
    model: arpg,
    tokenizer,
    judges: { reward: judge, held_out: judge },
    training: { cfg_scale: 1.5, temperature: 1 },
    evaluation: {
      samples: 100,
      seeds: [1],
      tuning_samples: 100,
      guidance: [1, 1.5],
      temperature: [1],
      speeds: [],
      finalists: 0,
      search: 2,
      references: [],
    },
  };
  await run.writeText("config.yaml", canonicalConfig(config));
  const cells = 16, targets = [2, 4];
  const sizes = { cells, classes: 10, targets, degrees: budgetDegrees(targets, cells, "arccos"), max_steps: 4 };
  const policy = tinyPolicy(device, {
    ...sizes,
    prior: { schedule: "arccos", width: 1, floor: 0.1, order: "random", trust: 0 },
  });
  stir(policy, 2);
  await savePolicy(device, policyPath(run), policy);
  return run;
}
