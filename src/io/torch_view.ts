/** Views of a checkpoint's storages: checked against their storage, and copied out of it. */
import type { HostArray } from "../tensor/host_tensor.ts";
import { showShape, sizeOf } from "../tensor/shape.ts";
import type { TorchTensor } from "./torch_pickle.ts";

/** The elements from `first` on that a view needs, `span` of its storage, to fill `elements` of its own. */
export interface ViewRange {
  readonly elements: number;
  readonly first: number;
  readonly span: number;
}

/** Where a view reaches; what is wrong with it is told through `fail`. */
export function viewRange(
  { storage, offset, shape, strides }: TorchTensor,
  fail: (reason: string) => Error,
): ViewRange {
  if (strides.length !== shape.length) throw fail(`it has ${shape.length} sizes and ${strides.length} strides`);
  const elements = sizeOf(shape);
  if (!Number.isSafeInteger(elements)) throw fail(`its shape ${showShape(shape)} is beyond any size`);
  if (elements === 0) return { elements, first: 0, span: 0 };
  const last = offset + shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis]!, 0);
  if (last >= storage.elements) throw fail(`it reaches element ${last} of a storage with ${storage.elements}`);
  return { elements, first: offset, span: last + 1 - offset };
}

/** The elements of a view in row-major order, of `span`, which begins with its first; shared where they lie so. */
export function viewElements(span: HostArray, { shape, strides }: Pick<TorchTensor, "shape" | "strides">): HostArray {
  const elements = sizeOf(shape);
  return elements === 0 || isContiguous(shape, strides) ? span : gather(span, shape, strides, elements);
}

/** Whether `strides` are those of a row-major array; the stride of an axis of size 1 is never used. */
function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

/** Copies a strided view into row-major order, counting its index up like an odometer. */
function gather(source: HostArray, shape: readonly number[], strides: readonly number[], count: number): HostArray {
  const data = new (source.constructor as new (length: number) => HostArray)(count);
  const index = shape.map(() => 0);
  let position = 0;
  for (let i = 0; i < count; i++) {
    data[i] = source[position]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      position += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      position -= shape[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return data;
}
