/** How many pictures are painted together: as many as a budget of memory and the adapter's limits allow. */
import { texelsPerRow } from "../gpu/pool.ts";
import type { DecodePlan } from "../models/decode_request.ts";
import type { FrozenArpg } from "../models/frozen_arpg.ts";
import type { VqConfig } from "../models/vq_config.ts";

/** Pictures in a batch where memory is no matter. */
const most = 200;
/**
 * Memory of decoding a picture from its codes, in tensors as large as the largest: a layer has nine at once, and what
 * the smaller levels had waits in the pool.
 */
const imagesAlive = 16;

/** What a batch may use. */
export interface BatchMemory {
  /** Bytes that its caches and activations may take together. */
  readonly bytes: number;
  /** Those of a `GPUDevice`. */
  readonly limits: Pick<GPUSupportedLimits, "maxStorageBufferBindingSize" | "maxBufferSize" | "maxTextureDimension2D">;
}

/**
 * Pictures whose tokens are decoded together.
 *
 * @param guided whether every picture is decoded with and without its class.
 */
export function tokensBatch(
  { config, sizes, dtype }: Pick<FrozenArpg, "config" | "sizes" | "dtype">,
  plan: DecodePlan,
  guided: boolean,
  memory: BatchMemory,
): number {
  const { dim, cells, vocab } = config;
  const streams = guided ? 2 : 1;
  const groups = "groups" in plan ? plan.groups : [plan.mostGroup];
  const known = "groups" in plan ? plan.known ?? 0 : plan.mostKnown;
  const queries = Math.max(...groups);
  const rows = streams * Math.max(known + 1, queries);
  const cache = streams * cells * dim;
  const caches = 2 * (sizes.half + 1) * cache * (dtype === "float16" ? 2 : 4);
  // Logits with guidance and without: the steps share memory where they paint equally many cells.
  const logits = new Set(groups).values().reduce((sum, group) => sum + 4 * vocab * group * (guided ? 3 : 1), 0);
  return fitting({
    bytes: caches + 4 * rows * (4 * dim + sizes.ffn) + logits,
    buffer: 4 * vocab * streams * queries,
    texture: Math.max(cache, rows * dim, rows * sizes.ffn),
    rows,
  }, memory);
}

/** Pictures whose pixels are decoded together from their tokens, `width` cells in a row and a column. */
export function pixelsBatch({ ch, ch_mult }: VqConfig, width: number, memory: BatchMemory): number {
  // A level's channels go up one level before they become fewer there.
  const images = ch_mult.map((factor, level) => {
    const side = width * 2 ** (ch_mult.length - 1 - Math.max(0, level - 1));
    return ch * factor * side * side;
  });
  const image = Math.max(...images);
  return fitting({ bytes: 4 * imagesAlive * image, buffer: 4 * image, texture: image, rows: 1 }, memory);
}

/** What one picture takes. */
interface Demand {
  /** Memory. */
  readonly bytes: number;
  /** Bytes of its largest buffer. */
  readonly buffer: number;
  /** Elements of its largest texture. */
  readonly texture: number;
  /** Rows of a step. */
  readonly rows: number;
}

function fitting({ bytes, buffer, texture, rows }: Demand, { bytes: budget, limits }: BatchMemory): number {
  const fit = Math.min(
    most,
    budget / bytes,
    Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize) / buffer,
    limits.maxTextureDimension2D * texelsPerRow * 4 / texture,
    65535 / rows,
  );
  return Math.max(1, Math.floor(fit));
}
