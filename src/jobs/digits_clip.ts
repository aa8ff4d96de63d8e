import { join } from "node:path";
import { UserError } from "../error.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import { Clip } from "../models/clip.ts";
import { type ClipConfig, clipConfigSchema } from "../models/clip_config.ts";
import { ClipTokenizer } from "../models/clip_tokenizer.ts";
import { Initializer } from "../nn/init.ts";
import { readClassNames } from "../rewards/clip_names.ts";
import { fillTemplates } from "../rewards/prompt_template.ts";
import type { Device } from "../tensor/device.ts";
import { clipTokenizer, loadClip, saveClip } from "./clip_files.ts";
import { DigitPairs } from "./digits_clip_batches.ts";
import { type DigitsClipConfig, digitsClipSchema } from "./digits_clip_config.ts";
import { zeroShotAccuracy } from "./digits_clip_evaluation.ts";
import { DigitsClipPhase } from "./digits_clip_phase.ts";
import { loadFullDigits, type SplitDigits } from "./digits_data.ts";
import { defineJob, type JobOptions } from "./job.ts";
import { PhaseRunner } from "./phases.ts";
import { type PromptVocabulary, promptVocabulary } from "./prompt_vocabulary.ts";

const phases = ["train", "evaluate"] as const;
const classes = 10;
/** Held-out digits that a look during training classifies. */
const lookDigits = 500;

/**
 * Trains a small CLIP on digits and prompts such as "a photo of the digit seven" and lets it classify held-out digits by
 * words. The averaged weights end in `checkpoints/clip` as HuggingFace lays a CLIP out, from which `loadClip` and
 * `clipTokenizer` make it.
 *
 * @returns the evaluation as text.
 */
async function runDigitsClip(
  device: Device,
  config: DigitsClipConfig,
  run: RunDirectory,
  { resume, signal }: JobOptions,
): Promise<string> {
  using runner = await PhaseRunner.open(run, device, { resume, signal, saveSeconds: config.checkpoint_seconds });
  const names = await readClassNames(config.names, classes);
  const data = await loadFullDigits(config.data);
  const folder = join(run.checkpoints, "clip");
  if (!runner.isDone("train", phases)) await train(device, config, runner, data, names, folder);
  await runner.begin("evaluate");
  // What is evaluated is what the files hold, rounded weights included.
  const clip = await loadClip(device, folder);
  const tokenizer = await clipTokenizer(join(folder, "tokenizer.json"), clip.config.text_config);
  const accuracy = (templates: readonly string[]) =>
    zeroShotAccuracy(device, clip, tokenizer, data.test, names, templates);
  const { seed, templates, training: { steps }, evaluation: { template } } = config;
  const found = { accuracy: await accuracy([template]), ensemble_accuracy: await accuracy(templates) };
  const { adapter } = device.gpu;
  await run.writeJson("eval.json", { digits: data.test.count, seed, steps, adapter: adapter.name, template, ...found });
  return `${data.test.count} held-out digits: ${percent(found.accuracy)} named rightly by ${
    JSON.stringify(template)
  }, ${percent(found.ensemble_accuracy)} by all ${templates.length} templates`;
}

/** Writes the averaged weights as float16, with their sizes and words, to `folder`. */
async function train(
  device: Device,
  config: DigitsClipConfig,
  runner: PhaseRunner,
  data: SplitDigits,
  names: readonly string[],
  folder: string,
): Promise<void> {
  await runner.begin("train");
  const { seed, templates, training, evaluation: { template }, data: { shift } } = config;
  const vocabulary = promptVocabulary(fillTemplates(names, [...templates, template]));
  const sizes = clipConfigOf(config, vocabulary, data.train.size);
  const tokenizer = new ClipTokenizer(vocabulary.tokenizer, "the prompts' vocabulary", sizes.text_config);
  const ids = tokenizer.encode(fillTemplates(names, templates));
  const model = new Clip(new Initializer(device, seed), sizes);
  const pairs = new DigitPairs(data.train, ids, templates.length, { groups: training.groups, shift, seed });
  const look = { ...data.test, count: Math.min(lookDigits, data.test.count) };
  const phase = new DigitsClipPhase(model, pairs, training, async () => ({
    test_accuracy: await zeroShotAccuracy(device, model, tokenizer, look, names, [template]),
  }));
  await runner.steps(phase);
  phase.finish();
  await saveClip(device, folder, model, vocabulary.tokenizer);
}

/**
 * The config of the model: pictures as large as digits, and no more words than the prompts have.
 *
 * @throws {UserError} for patches larger than a digit.
 */
function clipConfigOf(
  { clip: { projection_dim, hidden_act, text, vision } }: DigitsClipConfig,
  { size, longest }: PromptVocabulary,
  imageSize: number,
): ClipConfig {
  if (vision.patch_size > imageSize) {
    throw new UserError(`Cannot train: clip.vision.patch_size is ${vision.patch_size}, the digits' side ${imageSize}`);
  }
  return clipConfigSchema.parse({
    projection_dim,
    text_config: {
      ...{ ...text, hidden_act },
      ...{ max_position_embeddings: longest, vocab_size: size, eos_token_id: size - 1 },
    },
    vision_config: { ...vision, hidden_act, image_size: imageSize },
  });
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** The job behind `configs/digits_clip.yaml`. */
export const digitsClipJob = defineJob(digitsClipSchema, runDigitsClip);
