import { resolve } from "node:path";
import type { z } from "zod";
import { maxNpzBytes } from "../io/npz.ts";
import { arpgSizes } from "../models/arpg_config.ts";
import { llamaGenSizes } from "../models/llamagen_config.ts";
import type { ImagenetConfig } from "./imagenet_config.ts";
import { arpgOf, generatorOf, llamaGenOf, pictureSize, vqOf } from "./imagenet_models.ts";
import { randomWeights } from "./imagenet_random.ts";
import { checkDivisions } from "./policy_training_config.ts";

/** Refuses what no run could do, on whatever machine: an issue for each setting that does not go with the others. */
export function checkImagenet(config: Omit<ImagenetConfig, "job">, context: z.RefinementCtx): void {
  const refuse = (path: (string | number)[], message: string) => context.addIssue({ code: "custom", path, message });
  const { classes, comparison, held_out_clip: judge, reward } = config;
  try {
    checkSizes(config);
  } catch (cause) {
    refuse(["model", "sizes"], (cause as Error).message);
  }
  const last = generatorOf(config).classes - 1, unknown = classes?.findIndex((label) => label > last) ?? -1;
  if (unknown >= 0) refuse(["classes", unknown], `expected at most ${last}, the model's last class`);
  const bytes = pictureSize(config) ** 2 * vqOf(config).image_channels + BigInt64Array.BYTES_PER_ELEMENT;
  const most = Math.floor(maxNpzBytes / bytes); // a picture and its label
  if (comparison.npz && comparison.samples > most) {
    refuse(["comparison", "samples"], `expected at most ${most} with comparison.npz: such a file holds 4 GiB`);
  }
  for (const part of ["clip", "aesthetic"] as const) {
    const rewarding = reward[part]?.folder;
    if (judge === null || judge === randomWeights || !rewarding || resolve(rewarding) !== resolve(judge)) continue;
    refuse(["held_out_clip"], `expected another CLIP than reward.${part}.folder: what rewards is no judge`);
  }
  checkDivisions(config, context);
}

/** @throws {RangeError} for sizes that make no generator. */
function checkSizes(config: Pick<ImagenetConfig, "model">): void {
  const llamaGen = llamaGenOf(config);
  if (llamaGen) llamaGenSizes(llamaGen);
  else arpgSizes(arpgOf(config));
}
