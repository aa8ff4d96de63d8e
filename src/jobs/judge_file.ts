import { z } from "zod";
import { naming, UserError } from "../error.ts";
import { readSafetensors, writeSafetensors } from "../io/safetensors.ts";
import { Classifier } from "../models/classifier.ts";
import type { Judge } from "../models/judge.ts";
import { StridedClassifier } from "../models/strided_classifier.ts";
import { BlankInitializer, type Initializer } from "../nn/init.ts";
import { loadParameters } from "../nn/module.ts";
import type { Device } from "../tensor/device.ts";
import { toHost } from "./run_state.ts";

/** What a judge's file says of it, as JSON under the metadata key `config`. */
const judgeCardSchema = z.object({
  /** `pooled` is {@link Classifier}, `strided` {@link StridedClassifier}. */
  architecture: z.enum(["pooled", "strided"]),
  /** Height and width of its images in pixels. */
  size: z.int().min(8).max(64).multipleOf(4),
  seed: z.int(),
  epochs: z.int(),
  /** Of held-out digits. */
  accuracy: z.number(),
});

/** What a judge's file says of it: its architecture, and how it was trained. */
export type JudgeCard = z.output<typeof judgeCardSchema>;

/** A judge with its first random weights. */
export function makeJudge(init: Initializer, { architecture, size }: Pick<JudgeCard, "architecture" | "size">): Judge {
  return architecture === "pooled" ? new Classifier(init, 10, size) : new StridedClassifier(init, 10, size);
}

/** Writes a judge as float16 with what `loadJudge` must know. */
export async function saveJudge(device: Device, path: string, judge: Judge, card: JudgeCard): Promise<void> {
  const metadata = { model: "judge", config: JSON.stringify(card) };
  await writeSafetensors(path, await toHost(device, judge.parameters()), metadata, { dtype: "F16" });
}

/**
 * The judge of a safetensors file that the digits_judges job wrote, such as `assets/digits_judge_b.safetensors`: its
 * architecture comes from the file.
 *
 * @throws {UserError} for a file of another kind.
 */
export async function loadJudge(device: Device, path: string): Promise<Judge> {
  const { tensors, metadata } = await readSafetensors(path);
  const judge = makeJudge(new BlankInitializer(device), parseCard(metadata, path));
  try {
    loadParameters(judge, tensors);
  } catch (cause) {
    throw naming(path, cause);
  }
  return judge;
}

function parseCard({ config }: Readonly<Record<string, string>>, path: string): JudgeCard {
  try {
    return judgeCardSchema.parse(JSON.parse(config ?? "null"));
  } catch (cause) {
    throw new UserError(
      `Cannot load a judge from ${path}: its metadata has no config of a judge; name a file that the digits_judges ` +
        "job wrote",
      { cause },
    );
  }
}
