import { sizeOf, stridesOf } from "../../src/tensor/shape.ts";

/** A float64 array with a shape: what the references in plain loops compute with. */
export class Ref {
  readonly data: Float64Array;

  constructor(readonly shape: readonly number[], data?: ArrayLike<number>) {
    this.data = data ? Float64Array.from(data) : new Float64Array(sizeOf(shape));
  }

  /** Element of each index from a function of the multi-index. */
  static from(shape: readonly number[], element: (index: number[]) => number): Ref {
    const out = new Ref(shape);
    const strides = stridesOf(shape);
    const index = shape.map(() => 0);
    for (let i = 0; i < out.data.length; i++) {
      for (let a = 0; a < shape.length; a++) index[a] = Math.floor(i / strides[a]!) % shape[a]!;
      out.data[i] = element(index);
    }
    return out;
  }

  /** Element at a multi-index. */
  at(...index: number[]): number {
    return this.data[this.offset(index)]!;
  }

  /** Adds to the element at a multi-index. */
  add(index: readonly number[], value: number): void {
    this.data[this.offset(index)]! += value;
  }

  offset(index: readonly number[]): number {
    let at = 0;
    for (let a = 0; a < this.shape.length; a++) at = at * this.shape[a]! + index[a]!;
    return at;
  }

  /** Elementwise function. */
  map(f: (value: number, i: number) => number): Ref {
    return new Ref(this.shape, this.data.map(f));
  }

  /** Function of two arrays of one shape. */
  zip(other: Ref, f: (a: number, b: number) => number): Ref {
    return new Ref(this.shape, this.data.map((value, i) => f(value, other.data[i]!)));
  }

  /** Function of each row along the last axis. */
  mapRows(f: (row: Float64Array) => ArrayLike<number>): Ref {
    return this.zipRows(this, f);
  }

  /** Function of two arrays' rows along the last axis; the result has this shape. */
  zipRows(other: Ref, f: (row: Float64Array, otherRow: Float64Array) => ArrayLike<number>): Ref {
    const out = new Ref(this.shape);
    const width = this.shape[this.shape.length - 1] ?? 1;
    for (let at = 0; at < this.data.length; at += width) {
      out.data.set(f(this.data.subarray(at, at + width), other.data.subarray(at, at + width)), at);
    }
    return out;
  }
}
