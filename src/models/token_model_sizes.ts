/** What the configs of ARPG and LlamaGen have in common. */
import { z } from "zod";
import { swigluWidth } from "./swiglu.ts";

const count = z.int().min(1);

/** Sizes of a transformer over a square grid of tokens, as configs and the metadata of checkpoints spell them. */
export interface TokenModelConfig {
  /** C, width of the residual stream. */
  readonly dim: number;
  /** Transformer blocks. */
  readonly layers: number;
  /** H, heads; each has `dim / heads` channels, a multiple of 4. */
  readonly heads: number;
  /** The hidden width of the feed-forward is rounded up to a multiple of this. */
  readonly multiple_of: number;
  /** V, image tokens, the ids 0 to V - 1. */
  readonly vocab: number;
  /** Number of classes. */
  readonly classes: number;
  /** N, cells of the square grid. */
  readonly cells: number;
}

/** Sizes that follow from a {@link TokenModelConfig}. */
export interface TokenModelSizes {
  /** D, channels of a head. */
  readonly headSize: number;
  /** Cells in a row and in a column of the grid. */
  readonly width: number;
  /** F, hidden width of the feed-forward. */
  readonly ffn: number;
}

/** The common sizes as files hold them; bounded, since nobody should count to what a file says. */
export const tokenModelSchema = z.strictObject({
  dim: count,
  layers: count.max(1000),
  heads: count,
  multiple_of: count,
  vocab: count,
  classes: count,
  cells: count.max(65536),
}) satisfies z.ZodType<TokenModelConfig>;

/**
 * Checks the common sizes and gives those that follow from them.
 *
 * @param model named in errors, with its article.
 * @throws {RangeError} for sizes that make no model.
 */
export function tokenModelSizes(
  model: string,
  { dim, layers, heads, multiple_of, vocab, classes, cells }: TokenModelConfig,
): TokenModelSizes {
  const fail = (reason: string): never => {
    throw new RangeError(`Cannot make ${model}: ${reason}`);
  };
  for (const [name, size] of Object.entries({ dim, layers, heads, multiple_of, vocab, classes, cells })) {
    if (!Number.isInteger(size) || size < 1) fail(`${name} must be a positive integer, got ${size}`);
  }
  if (dim % (4 * heads)) fail(`dim must be a multiple of 4 heads (rotary pairs on two axes), got ${dim} and ${heads}`);
  const width = Math.sqrt(cells);
  if (!Number.isInteger(width)) fail(`cells must be a square number, got ${cells}`);
  return { headSize: dim / heads, width, ffn: swigluWidth(dim, multiple_of) };
}
