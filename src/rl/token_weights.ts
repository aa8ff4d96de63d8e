/**
 * What the sum over tokens is divided by: `sequence_mean` averages each sequence over its tokens, then the sequences
 * (GRPO, arXiv 2402.03300); `token_mean` averages over all tokens (DAPO, arXiv 2503.14476); `constant_length` divides by
 * N times a constant, so that a sequence's own length does not matter (Dr. GRPO, arXiv 2503.20783).
 */
export type Normalisation = "sequence_mean" | "token_mean" | "constant_length";

/**
 * Weights of N sequences of T tokens, with which a loss is the plain sum over all tokens.
 *
 * @param mask `[N, T]` row by row: 1 for a token that counts, 0 for one that does not. A sequence without tokens gets
 * zeros.
 * @param tokens T.
 * @param constantLength the constant of `constant_length`, in tokens; default T.
 */
export function tokenWeights(
  mask: Float32Array,
  tokens: number,
  normalisation: Normalisation,
  constantLength = tokens,
): Float32Array<ArrayBuffer> {
  const sequences = mask.length / tokens;
  const all = total(mask);
  const weights = new Float32Array(mask.length);
  for (let n = 0; n < sequences; n++) {
    const row = mask.subarray(n * tokens, (n + 1) * tokens);
    const divisor = {
      sequence_mean: sequences * total(row),
      token_mean: all,
      constant_length: sequences * constantLength,
    }[normalisation];
    weights.set(row.map((m) => m === 0 ? 0 : m / divisor), n * tokens);
  }
  return weights;
}

function total(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}
