import { foldGrid } from "../tensor/device.ts";
import { broadcastShapes, type Shape, showShape, sizeOf } from "../tensor/shape.ts";

/** Most axes a kernel walks after merging. */
export const maxAxes = 6;
const lanes = 64;

/** Strides of up to five axes, as `strided_offset` of shaders/lib takes them. */
export interface Walk {
  /** Sizes of the four inner axes, right-aligned, 1 where there is none. */
  readonly sizes: readonly number[];
  /** Their strides. */
  readonly strides: readonly number[];
  /** Stride of the outermost axis. */
  readonly first: number;
}

/** One operand of a broadcast kernel. */
export interface Operand {
  /** 1 where the operand moves with the innermost axis, 0 where one element serves the whole row. */
  readonly step: 0 | 1;
  /** Its strides along the axes around the innermost one, in elements. */
  readonly walk: Walk;
}

/** How an elementwise kernel walks operands of different shapes: rows of the innermost axis, then the axes around it. */
export interface Broadcast {
  /** Shape of the result. */
  readonly shape: Shape;
  /** Number of axes around the innermost one, after merging. */
  readonly axes: number;
  /** Four elements a lane where rows allow it; buffers are padded, so a single row always does. */
  readonly vector: boolean;
  /** Number of lanes. */
  readonly n: number;
  /** Length of a row in lanes. */
  readonly width: number;
  /** Length of a row in elements. */
  readonly row: number;
  /** Workgroups of 64 lanes. */
  readonly grid: readonly [number, number, number];
  /** One for each shape, in order. */
  readonly operands: readonly Operand[];
}

/**
 * Plans a broadcast by NumPy's rule. Neighbouring axes along which every operand behaves alike are merged, so that
 * equal shapes become one axis and a trailing row two.
 *
 * @throws {RangeError} for sizes that do not fit, or more than six axes left after merging.
 */
export function planBroadcast(op: string, shapes: readonly Shape[]): Broadcast {
  const shape = shapes.reduce((a, b) => broadcastShapes(op, a, b));
  const moves = shapes.map((own) => shape.map((_, axis) => (own[axis - shape.length + own.length] ?? 1) > 1));
  const merged = mergeAxes(shape, moves);
  if (merged.length > maxAxes) {
    throw new RangeError(
      `Cannot ${op} ${shapes.map(showShape).join(" and ")}: at most ${maxAxes} alternating axes can be broadcast, ` +
        `got ${merged.length}; reshape to fewer axes`,
    );
  }
  const sizes = merged.map(({ size }) => size);
  const axes = merged.length - 1;
  const row = sizes[axes]!;
  const vector = axes === 0 || row % 4 === 0;
  const unit = vector ? 4 : 1;
  const n = Math.ceil(sizeOf(shape) / unit);
  const operands = shapes.map((_, k): Operand => {
    let stride = 1;
    const strides = merged.map(() => 0);
    for (let axis = axes; axis >= 0; axis--) {
      if (!merged[axis]!.moves[k]) continue;
      strides[axis] = stride;
      stride *= sizes[axis]!;
    }
    return { step: merged[axes]!.moves[k] ? 1 : 0, walk: walkOf(sizes.slice(0, axes), strides.slice(0, axes)) };
  });
  const grid = foldGrid(Math.ceil(n / lanes));
  return { shape, axes, vector, n, width: Math.ceil(row / unit), row, grid, operands };
}

/** Merges neighbouring axes with the same flags; axes of size 1 vanish. At least one axis remains. */
export function mergeAxes(shape: Shape, moves: readonly (readonly boolean[])[]): { size: number; moves: boolean[] }[] {
  const merged: { size: number; moves: boolean[] }[] = [];
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const flags = moves.map((own) => own[axis]!);
    const last = merged[merged.length - 1];
    if (last && flags.every((flag, k) => flag === last.moves[k])) last.size *= size;
    else merged.push({ size, moves: flags });
  });
  return merged.length ? merged : [{ size: 1, moves: moves.map(() => true) }];
}

/** Right-aligns sizes and strides of up to five axes for the kernels. */
export function walkOf(sizes: readonly number[], strides: readonly number[]): Walk {
  const inner = (values: readonly number[], fill: number) => {
    const rest = values.slice(1);
    return [...new Array<number>(4 - rest.length).fill(fill), ...rest];
  };
  return { sizes: inner(sizes, 1), strides: inner(strides, 0), first: strides[0] ?? 0 };
}
