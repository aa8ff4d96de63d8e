/** How tensors are laid out in a safetensors file that is written: the header, and the data piece by piece. */
import { UserError } from "../error.ts";
import type { HostArray, HostTensor } from "../tensor/host_tensor.ts";
import { bytesPerElement, narrowToFloat16 } from "./dtype.ts";
import { quoted } from "./quoted.ts";
import { PREFIX_BYTES } from "./safetensors_header.ts";

/** Element types that float32 data can be written as. */
export type FloatDtype = "F32" | "F16";

/** How to write. */
export interface SafetensorsOptions {
  /**
   * Element type of float32 tensors in the file, for all or by name; the default is F32, the values as they are. F16
   * rounds to the nearest, ties to even. Integer tensors keep their type.
   */
  readonly dtype?: FloatDtype | ((name: string) => FloatDtype);
}

interface Placed {
  readonly name: string;
  readonly tensor: HostTensor;
  readonly dtype: FloatDtype | "I32" | "U32" | "U8";
}

/** A file about to be written: `header`, then what `pieces` yields, `size` bytes in all. */
export interface SafetensorsLayout {
  /** Length prefix and JSON, padded with spaces to 8 bytes. */
  readonly header: Uint8Array<ArrayBuffer>;
  /** Bytes of the whole file. */
  readonly size: number;
  /** The tensors' bytes in order, converted one at a time. Throws UserError for a value that F16 cannot hold. */
  pieces(): Iterable<Uint8Array>;
}

/**
 * The same content always gives the same bytes: types of four bytes first, then of two, then of one, so that all data
 * is aligned; within each by name.
 */
export function layOutSafetensors(
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>>,
  { dtype = "F32" }: SafetensorsOptions,
): SafetensorsLayout {
  const floatDtype = typeof dtype === "string" ? () => dtype : dtype;
  const placed = [...tensors]
    .map(([name, tensor]): Placed => ({ name, tensor, dtype: storedDtype(tensor.data, name, floatDtype) }))
    .sort((a, b) => bytesPerElement[b.dtype] - bytesPerElement[a.dtype] || (a.name < b.name ? -1 : 1));
  const entries: [string, unknown][] = [];
  if (Object.keys(metadata).length > 0) entries.push(["__metadata__", sortKeys(metadata)]);
  let end = 0;
  for (const { name, tensor, dtype } of placed) {
    checkTensor(name, tensor);
    const offsets = [end, end += tensor.data.length * bytesPerElement[dtype]];
    entries.push([name, { dtype, shape: tensor.shape, data_offsets: offsets }]);
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const header = new Uint8Array(PREFIX_BYTES + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - PREFIX_BYTES), true);
  header.set(json, PREFIX_BYTES);
  return { header, size: header.length + end, pieces: () => placed.values().map(encodeElements) };
}

function checkTensor(name: string, { shape, data }: HostTensor): void {
  if (name === "__metadata__") {
    throw new Error("Cannot write a tensor named __metadata__: the format reserves the name");
  }
  const elements = shape.reduce((product, size) => product * size, 1);
  if (elements !== data.length) {
    throw new Error(`Cannot write tensor ${name}: shape [${shape}] wants ${elements} elements, got ${data.length}`);
  }
}

function encodeElements({ name, tensor: { data }, dtype }: Placed): Uint8Array {
  if (dtype !== "F16") return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const { halves, overflow } = narrowToFloat16(data);
  if (overflow >= 0) {
    throw new UserError(
      `Cannot write tensor ${quoted(name)} as F16: element ${overflow} is ${data[overflow]}, beyond the ` +
        "largest float16, 65504; write it as F32",
    );
  }
  return new Uint8Array(halves.buffer);
}

function storedDtype(data: HostArray, name: string, floatDtype: (name: string) => FloatDtype): Placed["dtype"] {
  if (data instanceof Float32Array) return floatDtype(name);
  if (data instanceof Int32Array) return "I32";
  return data instanceof Uint32Array ? "U32" : "U8";
}

function sortKeys(record: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => a < b ? -1 : 1));
}
