/** About what memory an ImageNet run takes, worked out before it starts from the sizes of its config. */
import { pixelsBatch } from "../eval/painting_batch.ts";
import { texelsPerRow } from "../gpu/pool.ts";
import { type ArpgConfig, arpgShapes, arpgSizes } from "../models/arpg_config.ts";
import { llamaGenShapes } from "../models/llamagen_config.ts";
import { type TokenModelConfig, tokenModelSizes } from "../models/token_model_sizes.ts";
import { clipShapes } from "../models/clip_config.ts";
import { groupSizes } from "../models/decode_schedule.ts";
import type { VqConfig } from "../models/vq_config.ts";
import { clipKernels, clipPictureBytes, clipPictures } from "../rewards/clip_batch.ts";
import { type Shape, sizeOf } from "../tensor/shape.ts";
import type { RunClip } from "./imagenet_clips.ts";
import type { ImagenetConfig } from "./imagenet_config.ts";
import { llamaGenPainting } from "./imagenet_ar_grpo_memory.ts";
import { arpgOf, generatorOf, llamaGenOf, pictureSize, vqOf } from "./imagenet_models.ts";
import { scoredTogether } from "./imagenet_scores.ts";

/** The limits of an adapter that a run may exceed. */
export type RunLimits = Pick<
  GPUSupportedLimits,
  "maxStorageBufferBindingSize" | "maxBufferSize" | "maxTextureDimension2D"
>;

/** A part of a run's memory. */
export interface MemoryPart {
  readonly name: string;
  readonly bytes: number;
}

/** What a run needs of an adapter. */
export interface RunDemand {
  /** The whole is their sum: recorded steps share no memory. */
  readonly parts: readonly MemoryPart[];
  /** The largest buffer of a step, which the adapter must be able to bind. */
  readonly largestBuffer: MemoryPart & {
    /** Whether more of `generator.parts` make it smaller. */
    readonly parted?: boolean;
  };
  /** Rows of a step's products: a grid has room for 65,535. */
  readonly rows: number;
  /** Kernels of what is recorded: a recording has room for 16,000. */
  readonly kernels: {
    /** A painting. */
    readonly painting: number;
    /** The CLIPs' look at an update's pictures. */
    readonly rewards: number;
  };
}

/** Of the memory, what the pixels of a batch, and the caches of one, may take. */
export const shareOfBatch = 1 / 8;

const float = 4;
/** What the pool takes more than it is asked for: with ARPG-L in a dry run 5 %. */
const rounded = 0.1;

/** The demand of a config whose run loads these CLIPs. */
export function demandOf(config: ImagenetConfig, clips: readonly RunClip[], limits: RunLimits): RunDemand {
  const { training, train, memory_gib, generator } = config;
  const sizes = generatorOf(config), vq = vqOf(config), size = pictureSize(config);
  const policy = training.batch_size * training.group_size;
  const hand = llamaGenOf(config) ? 0 : training.batch_size, pictures = policy + hand;
  const streams = training.cfg_scale === 1 ? 1 : 2;
  const share = memory_gib * 2 ** 30 * shareOfBatch;
  const pixels = Math.min(pictures, pixelsBatch(vq, Math.sqrt(sizes.cells), { bytes: share, limits }));
  const llamaGen = llamaGenOf(config);
  const painting = llamaGen
    ? llamaGenPainting(llamaGen, { rollouts: policy, streams, parts: generator.parts })
    : arpgPainting(config, policy, hand, streams);
  const parts = [
    { name: "generator", bytes: painting.weights },
    { name: "tokenizer", bytes: tokenizerParameters(vq) * float },
    { name: "rollouts", bytes: painting.rollouts },
    {
      name: "pictures",
      bytes: pixels * 16 * largestImage(vq, size) + 3 * pictures * vq.image_channels * size ** 2 * float,
    },
    ...clips.map((clip) => clipPart(clip, clip.rewards ? pictures : scoredTogether)),
    ...(llamaGen ? [] : [{ name: "policy", bytes: policyBytes(config, sizes, paintingSteps(config) * policy) }]),
    ...(train === "policy" ? [] : generatorParts(config, policy, streams)),
    { name: "looks", bytes: share },
  ];
  parts.push({ name: "rounding of sizes", bytes: totalOf(parts) * rounded });
  const { largestBuffer, rows, kernels } = painting;
  const rewards = clips.filter((clip) => clip.rewards).reduce((sum, clip) => sum + kernelsOf(clip, pictures), 0);
  return { parts, largestBuffer, rows, kernels: { painting: kernels, rewards } };
}

/** What painting with an ARPG under a policy takes, and by its own rule. */
function arpgPainting(config: ImagenetConfig, policy: number, hand: number, streams: number) {
  const { training: { target_steps: targets }, model: { dtype } } = config, arpg = arpgOf(config);
  const { cells, vocab, layers } = arpg, half = dtype === "float16";
  const mostGroup = Math.max(...targets.flatMap((target) => groupSizes("arccos", target, cells)));
  const decoding = { arpg, half, streams }, rows = policy * streams * cells;
  return {
    weights: countOf(arpgShapes(arpg)) * (half ? 2 : float),
    rollouts: decoderBytes(decoding, policy, cells) + decoderBytes(decoding, hand, mostGroup),
    largestBuffer: { name: "guided logits of all rollouts", bytes: rows * vocab * float },
    rows,
    kernels: paintingSteps(config) * (5 * layers + choiceDispatches(config.policy, mostGroup)),
  };
}

/** Most steps of a painting under a policy. */
function paintingSteps({ training: { max_steps, target_steps } }: ImagenetConfig): number {
  return max_steps ?? Math.max(...target_steps);
}

/** Kernels of a step besides those of the generator's layers: with repulsion, two for every pick. */
function choiceDispatches({ layers, network, max_parallel, repulsion }: ImagenetConfig["policy"], mostGroup: number) {
  const picks = Math.min(mostGroup, max_parallel ?? mostGroup);
  return 54 + layers * (network === "attention" ? 24 : 4) + (repulsion ? 2 * picks : 0);
}

/** A recording's room, and a grid's. */
const mostKernels = 16000, mostRows = 65535;

/** What stands against a run of this demand; nothing where it fits. */
export function objections(
  { parts, largestBuffer, rows, kernels }: RunDemand,
  config: ImagenetConfig,
  limits: RunLimits,
  availableBytes: number | null,
): string[] {
  const total = totalOf(parts), budget = config.memory_gib * 2 ** 30;
  const { batch_size, group_size } = config.training, rollouts = batch_size * group_size;
  const binding = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
  const fewer = (most: number) => `set training.batch_size times group_size to ${Math.floor(rollouts * most)} or less`;
  const found: string[] = [];
  if (total > budget) {
    found.push(
      `memory_gib is ${config.memory_gib}, about ${gib(total)} are needed: raise it, or lower training.batch_size`,
    );
  }
  if (availableBytes !== null && total > availableBytes) {
    found.push(`about ${gib(total)} are needed and ${gib(availableBytes)} are available: lower training.batch_size`);
  }
  if (largestBuffer.bytes > binding) {
    found.push(
      `${largestBuffer.name} take ${gib(largestBuffer.bytes)}, the adapter binds ${gib(binding)} at once: ` +
        (largestBuffer.parted && moreParts(config, largestBuffer.bytes / binding) ||
          fewer(binding / largestBuffer.bytes)),
    );
  }
  const texels = limits.maxTextureDimension2D * texelsPerRow * 4;
  const widest = rows * tokenModelSizes("a generator", generatorOf(config)).ffn;
  if (rows > mostRows || widest > texels) {
    const most = Math.min(mostRows / rows, texels / widest);
    found.push(`a step of all rollouts has ${rows} rows, more than a kernel takes: ${fewer(most)}`);
  }
  if (kernels.painting > mostKernels) {
    found.push(
      `a painting of so many steps takes about ${kernels.painting} kernels, a recording holds ${mostKernels}: lower the ` +
        "largest of training.target_steps, or max_steps",
    );
  }
  if (kernels.rewards > mostKernels) {
    found.push(
      `the CLIPs of the rewards take about ${kernels.rewards} kernels, a recording holds ${mostKernels}: take CLIPs of ` +
        "fewer layers",
    );
  }
  return found;
}

/** What to say where so many times the parts are needed; null where the paintings cannot be divided so far. */
function moreParts({ training: { batch_size, group_size }, generator }: ImagenetConfig, times: number): string | null {
  const paintings = batch_size * group_size;
  for (let parts = Math.ceil(generator.parts * times); parts <= paintings; parts++) {
    if (paintings % parts === 0) return `set generator.parts to ${parts} or more`;
  }
  return null;
}

/** Bytes of all parts. */
export function totalOf(parts: readonly MemoryPart[]): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Bytes in words. */
export function gib(bytes: number): string {
  return bytes < 2 ** 30 ? `${Math.round(bytes / 2 ** 20)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

function countOf(shapes: ReadonlyMap<string, Shape>): number {
  return shapes.values().reduce((sum, shape) => sum + sizeOf(shape), 0);
}

/** Caches, activations and logits of a decoding whose steps ask for `queries` cells of each sample. */
function decoderBytes(
  { arpg, half, streams }: { readonly arpg: ArpgConfig; readonly half: boolean; readonly streams: number },
  batch: number,
  queries: number,
): number {
  const { dim, cells, vocab, layers } = arpg, samples = streams * batch;
  const caches = 2 * (layers / 2 + 1) * samples * cells * dim * (half ? 2 : float);
  const activations = samples * queries * (4 * dim + arpgSizes(arpg).ffn) * float;
  const logits = (samples + batch * (streams - 1)) * queries * vocab * float;
  return caches + activations + logits;
}

/** A level's channels go up one level before they become fewer there. */
function largestImage({ ch, ch_mult }: VqConfig, size: number): number {
  const levels = ch_mult.map((factor, level) => ch * factor * (size / 2 ** Math.max(0, level - 1)) ** 2);
  return Math.max(...levels) * float;
}

/** Parameters of encoder and decoder, but for the smallest. */
function tokenizerParameters({ ch, ch_mult, num_res_blocks, codebook_size, codebook_embed_dim, z_channels }: VqConfig) {
  const block = (from: number, to: number) => 9 * (from + to) * to + (from === to ? 0 : from * to);
  const level = (from: number, to: number, blocks: number) =>
    block(from, to) + (blocks - 1) * block(to, to) + 9 * to ** 2;
  const last = ch * ch_mult.at(-1)!;
  const ends = (blocks: number) => 2 * block(last, last) + (1 + blocks) * 4 * last ** 2 + 9 * last * z_channels;
  return [num_res_blocks, num_res_blocks + 1].reduce((sum, blocks) => {
    const levels = ch_mult.map((factor, l) => level(ch * (ch_mult[l - 1] ?? 1), ch * factor, blocks));
    return sum + ends(blocks) + levels.reduce((a, b) => a + b);
  }, codebook_size * codebook_embed_dim);
}

/**
 * Weights of the vision tower, since that of texts goes before the first picture: the layers' are float16. And what a batch
 * of pictures takes.
 */
function clipPart({ folder, sizes }: RunClip, pictures: number): MemoryPart {
  const seeing = [...clipShapes(sizes)].filter(([name]) => /^vis(ion|ual)_/.test(name));
  const layers = seeing.filter(([name, shape]) => name.includes(".encoder.") && shape.length === 2);
  const weights = countOf(new Map(seeing)) * float - countOf(new Map(layers)) * float / 2;
  const { vision_config: vision } = sizes;
  return { name: `CLIP ${folder}`, bytes: weights + clipPictures(vision, pictures) * clipPictureBytes(vision) };
}

/** Kernels of so many pictures' way through a CLIP. */
function kernelsOf({ sizes: { vision_config: vision } }: RunClip, pictures: number): number {
  return Math.ceil(pictures / clipPictures(vision, pictures)) * clipKernels(vision);
}

/** The policy's own memory in training, for `rows` steps of all rollouts. */
function policyBytes({ policy, training }: ImagenetConfig, { cells }: TokenModelConfig, rows: number): number {
  const { hidden_dim, layers } = policy;
  return rows / training.minibatches * cells * hidden_dim * float * (4 * layers + 12);
}

function generatorParts(config: ImagenetConfig, paintings: number, streams: number): MemoryPart[] {
  const { generator } = config, llamaGen = llamaGenOf(config), sizes = generatorOf(config);
  const { dim, layers, cells, vocab, heads } = sizes, { ffn } = tokenModelSizes("a generator", sizes);
  const parameters = countOf(llamaGen ? llamaGenShapes(llamaGen) : arpgShapes(arpgOf(config)));
  const copies = 6 + (generator.beta > 0 ? 1 : 0); // weights, two moments, averages, gradients and their sums; reference
  const some = paintings / generator.parts;
  const logits = some * cells * vocab * float * (2 * streams + 6);
  const kept = generator.kl === "exact" ? paintings * cells * vocab * float : 0;
  const layer = some * streams * cells * (12 * dim + 5 * ffn + 2 * heads * cells) * float;
  return [
    { name: "generator's training", bytes: copies * parameters * float },
    { name: "generator's gradients", bytes: logits + kept + layers * layer },
  ];
}
