import type { VqTokenizer } from "../models/vq_tokenizer.ts";
import { clamp } from "../ops/clamp.ts";
import { concat } from "../ops/concat.ts";
import { add, mul } from "../ops/elementwise_binary.ts";
import { slice } from "../ops/slice.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * Pictures `[B, C, S, S]` in [0, 1] of tokens i32 `[B, N]`; to be recorded.
 *
 * @param together how many are decoded at once, to save memory; default all.
 */
export function tokenPictures(tokenizer: VqTokenizer, tokens: Tensor, together = Infinity): Tensor {
  const all = tokens.shape[0]!, size = Math.min(together, all);
  const parts: Tensor[] = [];
  for (let start = 0; start < all; start += size) {
    using part = tokens.device.scope(); // frees what the tokenizer computes on the way
    const pixels = tokenizer.decode(slice(tokens, 0, start, Math.min(start + size, all)));
    parts.push(part.keep(clamp(add(mul(pixels, 0.5), 0.5), 0, 1)));
  }
  return concat(parts, 0);
}
