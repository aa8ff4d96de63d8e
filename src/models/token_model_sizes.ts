/** What the configs of ARPG and LlamaGen have in common: transformers over a square grid of tokens. */
import { z } from "zod";
import { swigluWidth } from "./swiglu.ts";

const count = z.int().min(1);

/** The common sizes as files hold them; bounded, since nobody should count to what a file says. */
export const tokenModelSchema = z.strictObject({
  dim: count,
  layers: count.max(1000),
  heads: count,
  multiple_of: count,
  vocab: count,
  classes: count,
  cells: count.max(65536),
});

/**
 * Checks the common sizes and gives those that follow from them.
 *
 * @param model named in errors, with its article.
 * @throws {RangeError} for sizes that make no model.
 */
export function tokenModelSizes(
  model: string,
  { dim, layers, heads, multiple_of, vocab, classes, cells }: Readonly<z.output<typeof tokenModelSchema>>,
): { readonly headSize: number; readonly width: number; readonly ffn: number } {
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
