import type { Decoded } from "../models/arpg_decoder.ts";
import { cellOrder, type DecodeOrder, knownFirst } from "../models/decode_order.ts";
import type { DecodeRequest } from "../models/decode_request.ts";
import type { Guidance, Sampling } from "../models/decode_step.ts";

/** What every way to paint has. */
export interface NoiseSettings extends Sampling {
  /** Scale 1 for none. */
  readonly guidance: Guidance;
  /** u32: with the number of a picture it names all its random numbers. */
  readonly seed: number;
}

/** Tokens to begin with, a row of cells a picture. */
export interface KnownCells {
  /** `[N, cells]` tokens. */
  readonly codes: Int32Array;
  /** `[N, cells]`: not 0 where the token is known and stays. */
  readonly mask: Uint8Array;
}

/** The pictures of a batch. */
export interface PictureBatch {
  /** `[B]`; -1 for none. */
  readonly classes: Int32Array;
  /** Number of the first picture. */
  readonly first: number;
  /** Tokens to begin with. */
  readonly known: KnownCells | undefined;
}

/** What to decode, whoever chooses how many cells at a time. */
export type TokenRequest = Omit<DecodeRequest, "groups">;

/** A recorded decoding of batches of one kind. */
export interface TokenPainting extends Disposable {
  /** Decodes a batch, without a wait. */
  decode(request: TokenRequest): Decoded;
}

/** The request for a batch of pictures of `cells` cells, each in its own order by a rule. */
export function tokenRequest(
  { classes, first, known }: PictureBatch,
  { order, orderSeed, seed }: { readonly order: DecodeOrder; readonly orderSeed?: number; readonly seed: number },
  cells: number,
): TokenRequest {
  const batch = classes.length;
  const samples = Int32Array.from({ length: batch }, (_, b) => first + b);
  const orders = new Int32Array(batch * cells);
  for (let b = 0; b < batch; b++) {
    const own = cellOrder(order, cells, orderSeed ?? seed, first + b);
    orders.set(known ? knownFirst(own, known.mask.subarray(b * cells, (b + 1) * cells)) : own, b * cells);
  }
  const request = { classes, order: orders, samples, seed };
  return known ? { ...request, known: { tokens: known.codes, counts: knownCounts(known, cells) } } : request;
}

/** `[B]`, how many cells of each picture are known. */
export function knownCounts({ mask }: KnownCells, cells: number): Int32Array {
  return Int32Array.from(
    { length: mask.length / cells },
    (_, b) => mask.subarray(b * cells, (b + 1) * cells).reduce((sum, bit) => sum + Number(bit !== 0), 0),
  );
}

/** What decoders take of settings. */
export function samplingOf({ temperature, topK, topP, guidance }: NoiseSettings): Sampling & { guidance: Guidance } {
  return { temperature, ...(topK ? { topK } : {}), ...(topP ? { topP } : {}), guidance };
}
