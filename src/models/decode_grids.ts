import type { Device, DispatchGrid } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Which count of a decoding step a kernel goes by, as shaders/decode_plan.wgsl numbers them. */
export const rowCounts = { content: 0, queries: 1, half: 2 } as const;
/** One of them. */
export type RowCount = keyof typeof rowCounts;

/** Grids that a recording may hold. */
const capacity = 32;

/**
 * Grids of kernels that work on the rows in use. Where the host knows the rows of a step, they are numbers; else the
 * device's plan writes them before each step and the kernels are dispatched indirectly.
 */
export class DecodeGrids {
  /** `[counts, then (x, y, z) for each grid]`, written by the plan. */
  readonly counts: Tensor;
  /** `[capacity, 4]`: what the plan computes, uploaded once all are known. */
  readonly table: Tensor;
  readonly #entries: [count: number, rows: number, x: number][] = [];

  /**
   * Allocates both; they last as long as the scope.
   *
   * @param ragged true where only the device knows the rows.
   */
  constructor(device: Device, private readonly ragged: boolean) {
    this.counts = device.zeros([4 + 3 * capacity], "u32");
    this.table = device.zeros([capacity, 4], "u32");
  }

  /** Entries that the plan has to compute; a captured step always writes all of them. */
  get planned(): number {
    return this.ragged ? capacity : 0;
  }

  /**
   * `x` workgroups in x, and in y one for every `rowsPerGroup` rows.
   *
   * @param rows the rows where the host knows them, else the most there may be.
   */
  grid(count: RowCount, rows: number, rowsPerGroup: number, x: number): DispatchGrid {
    if (!this.ragged) return [x, Math.ceil(rows / rowsPerGroup)];
    const wanted = [rowCounts[count], rowsPerGroup, x] as const;
    let at = this.#entries.findIndex((entry) => entry.every((value, i) => value === wanted[i]));
    if (at < 0) at = this.#entries.push([...wanted]) - 1;
    if (at >= capacity) throw new Error(`a decoding step has more than ${capacity} kinds of grids`);
    return { counts: this.counts, at: 4 + 3 * at };
  }

  /** Uploads the table: once, after the recording. */
  upload(): void {
    const table = new Uint32Array(4 * capacity);
    for (let at = 0; at < capacity; at++) table.set([...this.#entries[at] ?? [0, 1, 0], 0], 4 * at);
    this.table.write(table);
  }
}
