/** The array types a tensor can have on the host. */
export type HostArray = Float32Array | Int32Array | Uint32Array | Uint8Array;

/** A tensor in JavaScript memory: row-major data and its shape; `data.length` equals the product of `shape`. */
export interface HostTensor<A extends HostArray = HostArray> {
  /** Sizes, outermost first. */
  readonly shape: readonly number[];
  /** Elements in row-major order. */
  readonly data: A;
}
