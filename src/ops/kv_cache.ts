import shader from "../../shaders/kv_cache.wgsl" with { type: "text" };
import type { Scalar } from "../gpu/params.ts";
import { type Device, foldGrid } from "../tensor/device.ts";
import { requireShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { requireDType } from "./require_dtype.ts";

const source = { name: "kv_cache", text: shader };
/** A lane goes twice through the slots, and is stopped silently after 65,535 iterations. */
const mostSlots = 32767;
const lanes = 64;

/** Keys and values of the tokens decoded so far, one slot each; slot 0 is the class, slot s the cell s - 1. */
export interface KvCache {
  /** `[R, H, T, D]`, rotated. */
  readonly k: Tensor;
  /** `[R, H, T, D]`. */
  readonly v: Tensor;
}

/**
 * A cache with undefined contents for R sequences of at most T tokens.
 *
 * @throws {RangeError} for more than 32,767 slots, or a head size that is not a multiple of 4.
 */
export function makeKvCache(
  device: Device,
  [rows, heads, slots, d]: readonly [number, number, number, number],
): KvCache {
  if (slots > mostSlots) {
    throw new RangeError(`Cannot make a cache of keys and values: at most ${mostSlots} slots, got ${slots}`);
  }
  if (d % 4) {
    throw new RangeError(`Cannot make a cache of keys and values: head size must be a multiple of 4, got ${d}`);
  }
  const make = () => device.empty([rows, heads, slots, d], "f32", "cache of keys and values");
  return { k: make(), v: make() };
}

/** Where the slots stand on the grid. */
export interface SlotGrid {
  /** Of `rotaryTable2d`. */
  readonly table: Tensor;
  /** Cells in a row. */
  readonly width: number;
}

/**
 * Puts a token into its slot, in place and outside the tape: k, rotated at the slot's cell, and v.
 *
 * @param qkv `[R, 3 H D]`: queries, keys and values as one projection gives them.
 * @param slot at least 0 and below T; a `Scalar` moves on between replays of a captured step.
 * @returns q, rotated, `[R, H, D]`.
 * @throws {RangeError} for shapes or types that do not match.
 */
export function cacheToken(qkv: Tensor, cache: KvCache, { table, width }: SlotGrid, slot: number | Scalar): Tensor {
  const [rows, heads, , d] = cache.k.shape as [number, number, number, number];
  requireDType("kv_cache", "qkv", qkv, "f32");
  requireShape("kv_cache", "qkv", qkv.shape, [rows, 3 * heads * d]);
  requireShape("kv_cache", "table", table.shape, [table.shape[0]!, d / 4, 2]);
  const q = qkv.device.empty([rows, heads, d]);
  launch("cache_token", [qkv, table], [q, cache.k, cache.v], cache, slot, q.size / 2, {
    width,
    positions: table.shape[0]!,
  });
  return q;
}

/**
 * Scaled dot-product attention of one token a sequence to the slots 0 to `slot`, outside the tape.
 *
 * @param q `[R, H, D]` of {@link cacheToken}.
 * @returns `[R, H D]`.
 * @throws {RangeError} for shapes or types that do not match.
 */
export function attendCache(q: Tensor, cache: KvCache, slot: number | Scalar): Tensor {
  const [rows, heads, slots, d] = cache.k.shape as [number, number, number, number];
  requireDType("kv_cache", "q", q, "f32");
  requireShape("kv_cache", "q", q.shape, [rows, heads, d]);
  const scores = q.device.empty([rows, heads, slots]);
  launch("scores", [q, cache.k], [scores], cache, slot, rows * heads * Math.ceil(slots / 4));
  const o = q.device.empty([rows, heads * d]);
  launch("attend", [scores, cache.v], [o], cache, slot, o.size / 4);
  return o;
}

function launch(
  entry: string,
  read: readonly Tensor[],
  write: readonly Tensor[],
  { k: { device, shape } }: KvCache,
  slot: number | Scalar,
  count: number,
  grid: { width: number; positions: number } = { width: 0, positions: 0 },
): void {
  const [rows, heads, slots, d] = shape as [number, number, number, number];
  device.launch(source, entry, {
    read,
    write,
    params: { rows: rows * heads, heads, slots, d, slot, ...grid, scale: 1 / Math.sqrt(d) },
    grid: foldGrid(Math.ceil(count / lanes)),
  });
}
