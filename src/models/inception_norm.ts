/** A batch norm for inference, each `[O]`: `y = scale (x - mean) / sqrt(variance + epsilon) + shift`. */
export interface BatchNorm {
  readonly scale: Float32Array;
  readonly shift: Float32Array;
  readonly mean: Float32Array;
  readonly variance: Float32Array;
}

/** That of Inception-v3; PyTorch's default is 1e-5. */
const epsilon = 1e-3;

/**
 * Weight `[O, ...]` and bias `[O]` of a convolution that does what a convolution without bias and the batch norm behind
 * it do: `w' = w s`, `b' = shift - mean s` with `s = scale / sqrt(variance + epsilon)`. In float64, rounded once.
 */
export function foldBatchNorm(
  weight: Float32Array,
  { scale, shift, mean, variance }: BatchNorm,
): { weight: Float32Array; bias: Float32Array } {
  const window = weight.length / scale.length;
  const factor = Float64Array.from(scale, (value, o) => value / Math.sqrt(variance[o]! + epsilon));
  return {
    weight: weight.map((value, i) => value * factor[Math.floor(i / window)]!),
    bias: shift.map((value, o) => value - mean[o]! * factor[o]!),
  };
}
