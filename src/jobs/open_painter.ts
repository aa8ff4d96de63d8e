import { naming, UserError } from "../error.ts";
import { ArpgPainter } from "../eval/arpg_painter.ts";
import { openWeights, type WeightFile } from "../io/weight_file.ts";
import { FrozenArpg } from "../models/frozen_arpg.ts";
import type { FrozenDtype } from "../models/frozen_weights.ts";
import { familyTitles, landmarks, type RecognisedModel, recogniseModel } from "../models/recognise.ts";
import { vqTokenizerFrom } from "../models/vq_tokenizer.ts";
import type { Device } from "../tensor/device.ts";

/**
 * The painter of an ARPG and the tokenizer of its codes: files that the jobs here wrote, or published checkpoints, whose
 * sizes are told from their tensors. Weights come from the files one tensor at a time.
 *
 * @param model `.safetensors`, or a PyTorch checkpoint.
 * @param tokenizer the same for LlamaGen's VQ tokenizer.
 * @param dtype of the model's weights and caches.
 * @throws {UserError} in one line for files of other kinds, for tensors that are missing, unexpected or of other shapes,
 * all of a file at once and before any is read, and for a model and a tokenizer of different codes.
 */
export async function openPainter(
  device: Device,
  model: string,
  tokenizer: string,
  dtype: FrozenDtype = "float32",
): Promise<ArpgPainter> {
  using weights = await openWeights(model);
  const { config } = recognisedModel(weights, "arpg");
  using codes = await openWeights(tokenizer);
  const { config: sizes } = recognisedModel(codes, "vq");
  if (config.vocab !== sizes.codebook_size) {
    throw new UserError(
      `Cannot paint with ${model} and ${tokenizer}: the model has ${config.vocab} tokens, the tokenizer ` +
        `${sizes.codebook_size}; name the tokenizer that the model was trained with`,
    );
  }
  const vq = await vqTokenizerFrom(device, sizes, codes).catch((cause) => {
    throw naming(tokenizer, cause);
  });
  const frozen = await FrozenArpg.from(device, config, weights, dtype).catch((cause) => {
    throw naming(model, cause);
  });
  return new ArpgPainter(frozen, vq);
}

type Family = RecognisedModel["family"];

/** The model in a file. @throws {UserError} where it is none of the family. */
export function recognisedModel<F extends Family>(
  { path, entries, metadata }: WeightFile,
  family: F,
): Extract<RecognisedModel, { readonly family: F }> {
  const shapes = new Map([...entries].map(([name, { shape }]) => [name, shape]));
  const found = recogniseModel(shapes, metadata);
  if (found?.family === family) return found as Extract<RecognisedModel, { readonly family: F }>;
  const missing = landmarks[family].filter((name) => !shapes.has(name));
  const reason = found
    ? `it holds ${familyTitles[found.family]}`
    : missing.length
    ? `it has no tensor ${missing.join(", ")}`
    : "the sizes of its tensors, or those in its metadata, make none";
  throw new UserError(
    `Cannot load ${familyTitles[family]} from ${path}: ${reason}; deno task inspect lists what it has`,
  );
}
