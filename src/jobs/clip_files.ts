/** A CLIP's files as HuggingFace lays them out: config.json, the weights, tokenizer.json. */
import { join } from "node:path";
import { naming, UserError } from "../error.ts";
import { writeFileAtomic } from "../io/atomic.ts";
import { fileError, readBytes } from "../io/file_error.ts";
import { writeSafetensors } from "../io/safetensors.ts";
import { openWeights } from "../io/weight_file.ts";
import { type Clip, clipFrom } from "../models/clip.ts";
import { type ClipConfig, parseClipConfig } from "../models/clip_config.ts";
import { clipDeviation, clipMean } from "../models/clip_preprocess.ts";
import { type ClipTextLimits, ClipTokenizer } from "../models/clip_tokenizer.ts";
import { FrozenClip, type FrozenClipOptions } from "../models/frozen_clip.ts";
import { joinTables } from "../models/split_embedding.ts";
import type { WeightSource } from "../nn/module.ts";
import type { Device } from "../tensor/device.ts";
import { toHost } from "./run_state.ts";

/** Where a CLIP lies, if not in one folder. */
export interface ClipFiles {
  /** A config.json. */
  readonly config: string;
  /** A .safetensors, .bin, .pt or .pth file, or the .index.json of several. */
  readonly weights: string;
}

/** Names of the weights in a folder; the first that is there is read, or the index of its shards. */
const weightNames = ["model.safetensors", "pytorch_model.bin"];
const weightFiles = weightNames.flatMap((name) => [name, `${name}.index.json`]);

/**
 * The CLIP of a folder with config.json and model.safetensors or pytorch_model.bin, whole or in shards beside an
 * .index.json, as HuggingFace's `CLIPModel` saves them, or of two such files.
 *
 * @throws {UserError} for files that are missing, malformed or of another model.
 */
export async function loadClip(device: Device, from: string | ClipFiles): Promise<Clip> {
  return await withWeights(from, (config, source) => clipFrom(device, config, source));
}

/**
 * {@link loadClip} for a CLIP that only looks, in half the memory.
 *
 * @throws {UserError} as `loadClip`.
 */
export async function loadFrozenClip(
  device: Device,
  from: string | ClipFiles,
  options: FrozenClipOptions = {},
): Promise<FrozenClip> {
  return await withWeights(from, (config, source) => FrozenClip.from(device, config, source, options));
}

async function withWeights<T>(
  from: string | ClipFiles,
  load: (config: ClipConfig, source: WeightSource) => Promise<T>,
): Promise<T> {
  const { config, weights } = typeof from === "string" ? await filesIn(from) : from;
  const sizes = await readClipConfig(config);
  using source = await openWeights(weights);
  try {
    return await load(sizes, source);
  } catch (cause) {
    throw naming(weights, cause);
  }
}

/** The sizes in a config.json. @throws {UserError} for a file that is missing, malformed, or of another model. */
export async function readClipConfig(file: string): Promise<ClipConfig> {
  return parseClipConfig(await readJson(file), file);
}

/**
 * The tokenizer of a tokenizer.json.
 *
 * @param limits the `text_config` of the model; without it a text has 77 tokens.
 * @throws {UserError} for a file that is missing, malformed, or not of a model of these limits.
 */
export async function clipTokenizer(file: string, limits?: ClipTextLimits): Promise<ClipTokenizer> {
  return new ClipTokenizer(await readJson(file), file, limits);
}

/**
 * Writes a CLIP to `folder`, made where it is missing, as HuggingFace's `CLIPModel` and `CLIPImageProcessor` read it and
 * {@link loadClip} does: weights as float16.
 *
 * @param tokenizer content of the tokenizer.json.
 */
export async function saveClip(device: Device, folder: string, clip: Clip, tokenizer: object): Promise<void> {
  const side = clip.config.vision_config.image_size;
  await Deno.mkdir(folder, { recursive: true }).catch((cause) => {
    throw fileError("write", folder, cause);
  });
  const write = (name: string, value: object) =>
    writeFileAtomic(join(folder, name), new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`));
  await write("tokenizer.json", tokenizer);
  await write("config.json", {
    architectures: ["CLIPModel"],
    model_type: "clip",
    torch_dtype: "float16",
    ...clip.config,
  });
  await write("preprocessor_config.json", {
    image_processor_type: "CLIPImageProcessor",
    ...{ do_convert_rgb: true, do_resize: true, do_center_crop: true, do_rescale: true, do_normalize: true },
    resample: 3, // Pillow's BICUBIC
    rescale_factor: 1 / 255,
    size: { shortest_edge: side },
    crop_size: { height: side, width: side },
    image_mean: clipMean,
    image_std: clipDeviation,
  });
  const weights = joinTables(await toHost(device, clip.parameters()));
  await writeSafetensors(join(folder, "model.safetensors"), weights, { format: "pt" }, { dtype: "F16" });
}

async function filesIn(folder: string): Promise<ClipFiles> {
  const found = new Set<string>();
  try {
    for await (const { name } of Deno.readDir(folder)) found.add(name);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory)) throw cause;
    throw new UserError(`Cannot load a CLIP from ${folder}: there is no such folder`, { cause });
  }
  const weights = weightFiles.find((name) => found.has(name));
  if (found.has("config.json") && weights) {
    return { config: join(folder, "config.json"), weights: join(folder, weights) };
  }
  throw new UserError(
    `Cannot load a CLIP from ${folder}: wanted config.json and ${weightNames.join(" or ")}, or the .index.json of ` +
      "either's shards, as CLIPModel saves them",
  );
}

async function readJson(path: string): Promise<unknown> {
  const bytes = await readBytes(path);
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new UserError(`Cannot read ${path}: it is no JSON: ${(cause as Error).message}`, { cause });
  }
}
