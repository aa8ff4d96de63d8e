import { loadConfig } from "../../src/config/load_config.ts";
import { imagenetArGrpoSchema, imagenetPolicySchema } from "../../src/jobs/imagenet_config.ts";
import { tinyArpgConfig } from "../models/tiny_arpg.ts";
import { tinyVqConfig } from "../models/tiny_vq_config.ts";
import { tinyClipConfig } from "../rewards/tiny_clip.ts";
import { outcome } from "./run_job.ts";

/** Sizes of an ARPG of 4x4 tokens and 10 classes, and of a tokenizer of pictures in colour of 8x8 pixels. */
export const tinySizes = {
  arpg: { ...tinyArpgConfig, cells: 16, classes: 10 },
  llamaGen: { dim: 16, layers: 2, heads: 2, multiple_of: 16, vocab: 12, classes: 10, cells: 16 },
  vq: { ...tinyVqConfig, ch_mult: [1, 1], image_channels: 3 },
};

const root = new URL("../../", import.meta.url).pathname;

/** Changes that make a run of random weights take seconds. */
const tiny = [
  "memory_gib=2",
  "model.weights=random",
  `model.sizes=${JSON.stringify(tinySizes.arpg)}`,
  "tokenizer.weights=random",
  `tokenizer.sizes=${JSON.stringify(tinySizes.vq)}`,
  `clip_sizes=${JSON.stringify(tinyClipConfig)}`,
  "reward.clip.folder=random",
  "reward.clip.names=null",
  "held_out_clip=random",
  "policy.hidden_dim=8",
  "policy.layers=1",
  "training.num_epochs=1",
  "training.batches_per_epoch=2",
  "training.batch_size=2",
  "training.group_size=3",
  "training.target_steps=[2, 4]",
  "training.evaluate_every=1",
  "training.evaluate_samples=9",
  "generator.parts=2",
  "comparison={samples: 20, seed: 5, npz: true}",
];

/** `configs/imagenet_policy.yaml` at tiny sizes with random weights. */
export function tinyImagenetPolicy(changes: readonly string[] = []) {
  return loadConfig(`${root}configs/imagenet_policy.yaml`, imagenetPolicySchema, [...tiny, ...changes]);
}

/** `configs/imagenet_ar_grpo.yaml`, likewise. */
export function tinyImagenetArGrpo(changes: readonly string[] = []) {
  return loadConfig(`${root}configs/imagenet_ar_grpo.yaml`, imagenetArGrpoSchema, [...tiny, ...changes]);
}

/** Of {@link tinyImagenetArGrpo}: a LlamaGen in the place of ARPG. */
export const llamaGenChanges = [`model.sizes=${JSON.stringify(tinySizes.llamaGen)}`, "model.dtype=float32"];

/** What a run has learnt: its outcome without what it measures of itself. */
export async function learnt(path: string) {
  const { metrics, models } = await outcome(path);
  const stable = (metrics as Record<string, unknown>[]).map(({ memory_peak_gib: _m, process_peak_gib: _p, ...rest }) =>
    rest
  );
  return { metrics: stable, models };
}
