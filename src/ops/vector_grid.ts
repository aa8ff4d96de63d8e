import { type Device, foldGrid } from "../tensor/device.ts";

/** Vectors from which on it pays to compile a kernel of its own. */
const manyVectors = 2 ** 14;

/**
 * Lanes and workgroups of an elementwise kernel over n vectors of four, whose lanes take VECTORS of them, WG apart. A
 * software adapter pays for every workgroup and every lane: an addition of 2^20 elements takes 1.7 ms on llvmpipe with
 * 64 lanes of one vector, 1.25 ms with 256 of one and 1.15 ms with 256 of four.
 */
export function vectorGrid(device: Device, n: number): {
  readonly overrides: { readonly WG: number; readonly VECTORS: number };
  readonly grid: [number, number, number];
} {
  const [WG, VECTORS] = device.gpu.adapter.software && n >= manyVectors ? [256, 4] : [64, 1];
  return { overrides: { WG, VECTORS }, grid: foldGrid(Math.ceil(n / (WG * VECTORS))) };
}
