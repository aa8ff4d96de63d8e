import type { Device } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A matrix of PyTorch's layout `[out, in]` on the host. */
export interface HostMatrix {
  /** Row-major. */
  readonly data: Float32Array;
  /** Rows. */
  readonly out: number;
  /** Columns. */
  readonly in: number;
}

/** A weight of a packed product: `[in, out]` in a texture. */
export interface PackedWeight {
  /** The texture. */
  readonly texture: Tensor;
  /** Columns of the product, a multiple of 4. */
  readonly out: number;
  /** Terms of its sums, a multiple of 4. */
  readonly in: number;
}

/** Precision of frozen weights and caches. */
export type FrozenDtype = "float32" | "float16";

/** Columns that gate and value take by turns, see shaders/lib/packed_store.wgsl. */
export const turn = 32;

/**
 * Packs matrices side by side for one product `y = n(x) [W1; W2; ..]^T`: transposed, the gain of the norm before them
 * folded in, sizes padded with zeros to multiples of 4.
 *
 * @param gain `[in]` of an RMSNorm that the product applies to its rows.
 */
export function packWeights(
  device: Device,
  matrices: readonly HostMatrix[],
  dtype: FrozenDtype,
  gain?: Float32Array,
): PackedWeight {
  const columns = matrices.map((matrix) => padded(matrix.out, 4));
  const packed = new Columns(padded(matrices[0]!.in, 4), columns.reduce((a, b) => a + b));
  let at = 0;
  matrices.forEach((matrix, i) => {
    packed.add(matrix, gain, (row) => at + row);
    at += columns[i]!;
  });
  return packed.upload(device, dtype);
}

/** Packs `w1` (gate) and `w3` (value) of a SwiGLU, which take turns every 32 columns. */
export function packGated(
  device: Device,
  gate: HostMatrix,
  value: HostMatrix,
  dtype: FrozenDtype,
  gain: Float32Array,
): PackedWeight {
  const packed = new Columns(padded(gate.in, 4), 2 * padded(gate.out, turn));
  const column = (row: number) => Math.floor(row / turn) * 2 * turn + row % turn;
  packed.add(gate, gain, column);
  packed.add(value, gain, (row) => column(row) + turn);
  return packed.upload(device, dtype);
}

/** The next multiple. */
export function padded(size: number, multiple: number): number {
  return Math.ceil(size / multiple) * multiple;
}

class Columns {
  readonly #data: Float32Array<ArrayBuffer>;

  constructor(readonly rows: number, readonly columns: number) {
    this.#data = new Float32Array(rows * columns);
  }

  add({ data, out, in: inner }: HostMatrix, gain: Float32Array | undefined, column: (row: number) => number): void {
    for (let row = 0; row < out; row++) {
      const at = column(row);
      for (let k = 0; k < inner; k++) {
        this.#data[k * this.columns + at] = data[row * inner + k]! * (gain ? gain[k]! : 1);
      }
    }
  }

  upload(device: Device, dtype: FrozenDtype): PackedWeight {
    const shape = [this.rows, this.columns], kind = dtype === "float16" ? "half" : "texture";
    const texture = device.persistent(() => device.textureOf(this.#data, shape, kind));
    this.#data.buffer.transfer(0); // frees it at once, as textureOf does
    return { texture, out: this.columns, in: this.rows };
  }
}
