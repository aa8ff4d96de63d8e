/** Host tensors that all contenders of a race are given. */
import { viewElements } from "../src/io/torch_view.ts";
import type { HostTensor } from "../src/tensor/host_tensor.ts";
import { type Shape, sizeOf } from "../src/tensor/shape.ts";

/** Uniform numbers in `[-scale, scale)` (mulberry32), the same for the same seed. */
export function uniform(seed: number, shape: Shape, scale = 1): HostTensor<Float32Array> {
  const next = words(seed);
  return { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => (next() / 2 ** 31 - 1) * scale) };
}

/** Uniform ids in `[0, count)`. */
export function ids(seed: number, shape: Shape, count: number): HostTensor<Int32Array> {
  const next = words(seed);
  return { shape, data: Int32Array.from({ length: sizeOf(shape) }, () => next() % count) };
}

function words(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/** The same elements with axis `axes[i]` in place i, as `transpose` of NumPy. */
export function transposed<A extends Float32Array | Int32Array>(
  { shape, data }: HostTensor<A>,
  axes: readonly number[],
): HostTensor<A> {
  const strides = shape.map((_, i) => sizeOf(shape.slice(i + 1)));
  const newShape = axes.map((axis) => shape[axis]!), newStrides = axes.map((axis) => strides[axis]!);
  return { shape: newShape, data: viewElements(data, { shape: newShape, strides: newStrides }) as A };
}

/** The axes that undo `transposed`. */
export function inverseAxes(axes: readonly number[]): number[] {
  return axes.map((_, i) => axes.indexOf(i));
}
