import { loadConfig } from "../../src/config/load_config.ts";
import { digitsPolicySchema } from "../../src/jobs/digits_policy_config.ts";
import { writeDigits } from "./run_job.ts";
import { writeTinyModels } from "./tiny_models.ts";

const configFile = new URL("../../configs/digits_policy.yaml", import.meta.url).pathname;

/** Settings of the job digits_policy for a run that takes seconds, with untrained models; digits and models lie in `folder`. */
export async function tinyPolicyConfig(folder: string, changes: readonly string[] = []) {
  const { images, labels } = await writeDigits(folder, 320);
  const { arpg, tokenizer, judge } = await writeTinyModels(folder, 4);
  return loadConfig(configFile, digitsPolicySchema, [
    `data={source: {images: ${images}, labels: ${labels}}, train: 200, test: 120}`,
    `model=${arpg}`,
    `tokenizer=${tokenizer}`,
    `judges={reward: ${judge}, held_out: ${judge}}`,
    "policy.hidden_dim=8",
    "policy.layers=1",
    "training.num_epochs=2",
    "training.batches_per_epoch=2",
    "training.batch_size=4",
    "training.group_size=3",
    "training.minibatches=2",
    "training.target_steps=[2, 4]",
    "training.evaluate_every=2",
    "training.evaluate_samples=100",
    "generator.parts=2",
    "comparison={samples: 100, seed: 5}",
    ...changes,
  ]);
}
