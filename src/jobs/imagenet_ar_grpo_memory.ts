/** About what painting with a LlamaGen takes in training: it decodes cell by cell with the weights that are trained. */
import { type LlamaGenConfig, llamaGenShapes, llamaGenSizes } from "../models/llamagen_config.ts";
import { sizeOf } from "../tensor/shape.ts";
import type { RunDemand } from "./imagenet_memory.ts";

/** Pictures of an update, and how they go through the model. */
export interface LlamaGenUpdate {
  /** B. */
  readonly rollouts: number;
  /** 2 with guidance, else 1. */
  readonly streams: number;
  /** Of `generator.parts`. */
  readonly parts: number;
}

const float = 4;
/** Kernels of a layer and of all else while a cell is painted. */
const layerKernels = 14, otherKernels = 24;

/** Bytes by part, and what else an adapter is asked for. */
export function llamaGenPainting(
  sizes: LlamaGenConfig,
  { rollouts, streams, parts }: LlamaGenUpdate,
): Pick<RunDemand, "largestBuffer" | "rows"> & {
  /** Copies of the matrices where kernels read them fastest. */
  readonly weights: number;
  readonly rollouts: number;
  readonly kernels: number;
} {
  const { dim, layers, cells, vocab } = sizes, rows = streams * rollouts;
  const weights = [...llamaGenShapes(sizes)].filter(([name, shape]) => shape.length === 2 && !/embedding/.test(name));
  const cache = rows * cells * dim * float; // keys of a layer, or values
  const activations = rows * (8 * dim + 3 * llamaGenSizes(sizes).ffn + 3 * vocab) * float;
  const logits = rollouts / parts * cells * vocab * float;
  return {
    weights: weights.reduce((sum, [, shape]) => sum + sizeOf(shape), 0) * float,
    rollouts: 2 * layers * cache + activations,
    largestBuffer: cache > logits
      ? { name: "keys of a layer for all rollouts", bytes: cache }
      : { name: "logits of a part of the rollouts", bytes: logits, parted: true },
    rows,
    kernels: layers * layerKernels + otherKernels,
  };
}
