import type { HostTensor } from "../tensor/host_tensor.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Dtype } from "./dtype.ts";
import { quoted } from "./quoted.ts";

/** What a weight file says of one tensor. */
export interface WeightEntry {
  /** Element type in the file, by its safetensors name; F64 is known by name but not read. */
  readonly dtype: Dtype | "F64";
  /** Sizes of the axes. */
  readonly shape: Shape;
}

/** Tensors that are listed first and read one at a time. */
export interface WeightContent {
  /** The tensors by name, in the file's order. */
  readonly entries: ReadonlyMap<string, WeightEntry>;
  /** Free text by key; of a PyTorch checkpoint the numbers and strings beside the weights. */
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * One tensor: F16 and BF16 widened to Float32Array, I64 (checked to fit), I16 and I8 as Int32Array, BOOL as
   * Uint8Array. Throws UserError for F64 and for an I64 that does not fit 32 bits, RangeError for an unknown name.
   */
  read(name: string): HostTensor;
}

/** All tensors by name. */
export function readAll(content: WeightContent): Map<string, HostTensor> {
  return new Map(content.entries.keys().map((name) => [name, content.read(name)]));
}

/** The value of `name`; throws RangeError where a file has no tensor of that name. */
export function entryOf<T>(entries: ReadonlyMap<string, T>, name: string, file: string): T {
  const entry = entries.get(name);
  if (entry === undefined) throw new RangeError(`Cannot read tensor ${quoted(name)} of ${file}: it has none`);
  return entry;
}
