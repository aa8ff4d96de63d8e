/** The models of an ImageNet job: from published files, or of random weights for a dry run. */
import { naming, UserError } from "../error.ts";
import { ArpgPainter } from "../eval/arpg_painter.ts";
import { openWeights, type WeightFile } from "../io/weight_file.ts";
import { Arpg } from "../models/arpg.ts";
import { type ArpgConfig, arpgPresets, arpgShapes } from "../models/arpg_config.ts";
import { type ClipConfig, clipPresets } from "../models/clip_config.ts";
import { FrozenArpg } from "../models/frozen_arpg.ts";
import { LlamaGen } from "../models/llamagen.ts";
import { type LlamaGenConfig, llamaGenPresets, llamaGenShapes } from "../models/llamagen_config.ts";
import { sameSizes } from "../models/recognise.ts";
import { cellSize, vq16, type VqConfig } from "../models/vq_config.ts";
import { VqTokenizer, vqTokenizerFrom } from "../models/vq_tokenizer.ts";
import { BlankInitializer, Initializer } from "../nn/init.ts";
import { checkWeights, loadParametersFrom, type WeightSource } from "../nn/module.ts";
import type { Device } from "../tensor/device.ts";
import type { ImagenetConfig } from "./imagenet_config.ts";
import { randomWeights, randomWeightsOf } from "./imagenet_random.ts";
import { recognisedModel } from "./open_painter.ts";

const presets = { ...arpgPresets, ...llamaGenPresets };

/** Sizes of the generator that a config names, whatever its family: those of an ARPG say how it knows positions. */
export function generatorOf({ model: { sizes } }: Pick<ImagenetConfig, "model">): ArpgConfig | LlamaGenConfig {
  return typeof sizes === "string" ? presets[sizes] : sizes;
}

/** {@link generatorOf} where it is a LlamaGen, else null. */
export function llamaGenOf(config: Pick<ImagenetConfig, "model">): LlamaGenConfig | null {
  const sizes = generatorOf(config);
  return "position" in sizes ? null : sizes;
}

/** {@link generatorOf} of a config whose generator is an ARPG. */
export function arpgOf(config: Pick<ImagenetConfig, "model">): ArpgConfig {
  const sizes = generatorOf(config);
  if (!("position" in sizes)) throw new Error("A LlamaGen was taken for an ARPG");
  return sizes;
}

/** Sizes of the tokenizer that a config names. */
export function vqOf({ tokenizer: { sizes } }: Pick<ImagenetConfig, "tokenizer">): VqConfig {
  return typeof sizes === "string" ? vq16 : sizes;
}

/** Sizes of the CLIP that a config names. */
export function clipOf({ clip_sizes }: Pick<ImagenetConfig, "clip_sizes">): ClipConfig {
  return typeof clip_sizes === "string" ? clipPresets[clip_sizes]! : clip_sizes;
}

/** Height and width of the pictures in pixels. */
export function pictureSize(config: Pick<ImagenetConfig, "model" | "tokenizer">): number {
  return Math.sqrt(generatorOf(config).cells) * cellSize(vqOf(config));
}

/**
 * The frozen generator and its tokenizer.
 *
 * @param memoryBytes about what the painter's batches may take.
 * @throws {UserError} for files of other models, and where model and tokenizer have other codes.
 */
export async function openImagenetPainter(
  device: Device,
  config: ImagenetConfig,
  memoryBytes: number,
): Promise<ArpgPainter> {
  const codes = await openImagenetTokenizer(device, config), arpg = arpgOf(config);
  const { dtype } = config.model;
  const frozen = await withGenerator(config, (source) => FrozenArpg.from(device, arpg, source, dtype));
  return new ArpgPainter(frozen, codes, memoryBytes);
}

/** A trainable generator with the weights of the frozen one. */
export async function loadImagenetGenerator(device: Device, config: ImagenetConfig): Promise<Arpg> {
  const arpg = arpgOf(config);
  return await withGenerator(config, async (source) => {
    checkWeights(arpgShapes(arpg), source.entries, options);
    const model = new Arpg(new BlankInitializer(device), arpg);
    await loadParametersFrom(model, source, options);
    return model;
  });
}

/** The LlamaGen of a config, to be trained and painted with. @throws {UserError} for a file of another model. */
export async function loadImagenetLlamaGen(device: Device, config: ImagenetConfig): Promise<LlamaGen> {
  const sizes = llamaGenOf(config)!;
  return await withGenerator(config, async (source) => {
    checkWeights(llamaGenShapes(sizes), source.entries, options);
    const model = new LlamaGen(new BlankInitializer(device), sizes);
    await loadParametersFrom(model, source, options);
    return model;
  });
}

/** Gives a LlamaGen the config's weights, whatever it had. @throws {UserError} for a file of another model. */
export async function reloadLlamaGen(model: LlamaGen, config: ImagenetConfig): Promise<void> {
  await withGenerator(config, (source) => loadParametersFrom(model, source, options));
}

/**
 * The tokenizer of a config.
 *
 * @throws {UserError} for a file of another model, and where model and tokenizer have other codes.
 */
export async function openImagenetTokenizer(device: Device, config: ImagenetConfig): Promise<VqTokenizer> {
  const { vocab } = generatorOf(config), vq = vqOf(config);
  if (vocab !== vq.codebook_size) {
    throw new UserError(
      `Cannot paint: model.sizes has ${vocab} tokens, tokenizer.sizes ${vq.codebook_size} codes; they must be equal`,
    );
  }
  return await openTokenizer(device, vq, config.tokenizer.weights, config.seed + 1);
}

/** Tables of angles, which a model computes itself. */
const options = { ignore: (name: string) => /(^|\.)freqs_cis$/.test(name) };

async function openTokenizer(device: Device, sizes: VqConfig, path: string, seed: number): Promise<VqTokenizer> {
  if (path === randomWeights) return new VqTokenizer(new Initializer(device, seed), sizes);
  using source = await openWeights(path);
  requireSizes("tokenizer", recognisedModel(source, "vq"), sizes, path);
  return await vqTokenizerFrom(device, sizes, source).catch((cause) => {
    throw naming(path, cause);
  });
}

async function withGenerator<T>(config: ImagenetConfig, body: (source: WeightSource) => Promise<T>): Promise<T> {
  const llamaGen = llamaGenOf(config), { weights: path } = config.model;
  if (path === randomWeights) {
    return await body(randomWeightsOf(llamaGen ? llamaGenShapes(llamaGen) : arpgShapes(arpgOf(config)), config.seed));
  }
  using source = await openWeights(path);
  if (llamaGen) requireSizes("model", llamaGenIn(source, llamaGen), llamaGen, path);
  else requireSizes("model", recognisedModel(source, "arpg"), arpgOf(config), path);
  try {
    return await body(source);
  } catch (cause) {
    throw naming(path, cause);
  }
}

/** The sizes of a file. No tensor shows the number of cells: without metadata it is taken to be what is wanted. */
function llamaGenIn(
  source: WeightFile,
  { cells }: LlamaGenConfig,
): { readonly config: LlamaGenConfig; readonly preset: string | null } {
  const found = recognisedModel(source, "llamagen");
  if (source.metadata.config !== undefined || found.config.cells === cells) return found;
  return { config: { ...found.config, cells }, preset: null };
}

/** @throws {UserError} where the file has other sizes than the config, by which memory was planned. */
function requireSizes<Config extends object>(
  key: "model" | "tokenizer",
  { config: found, preset }: { readonly config: Config; readonly preset: string | null },
  wanted: Config,
  path: string,
): void {
  if (sameSizes(found, wanted)) return;
  throw new UserError(
    `Cannot load ${path}: it has other sizes than ${key}.sizes; set ${key}.sizes=${preset ?? JSON.stringify(found)}`,
  );
}
