import type { Kernel } from "./kernel.ts";
import { type PooledMemory, texelsPerRow } from "./pool.ts";

/** Workgroups in x, y, z, or a buffer of three u32 from which the device takes them. */
export type Grid = readonly [number, number, number] | { readonly indirect: PooledMemory; readonly byteOffset: number };

/** What a dispatch costs, for the profiler: floating-point operations and bytes moved. */
export interface Cost {
  /** Floating-point operations. */
  readonly flops?: number;
  /** Bytes read and written. */
  readonly bytes?: number;
}

/** One recorded copy of a buffer's first bytes into a texture, as arguments of `copyBufferToTexture`. */
export type Copy = readonly (readonly [GPUTexelCopyBufferInfo, GPUTexelCopyTextureInfo, GPUExtent3D])[];

/** One recorded dispatch. */
export interface Dispatch {
  /** What runs. */
  readonly kernel: Kernel;
  /** Group 0, the tensors. */
  readonly group: GPUBindGroup;
  /** Byte offset of its params. */
  readonly offset: number;
  /** Workgroups. */
  readonly grid: Grid;
  /** What profiles count. */
  readonly cost: Cost | undefined;
}

/** Copies, then the dispatches of one compute pass. */
export interface Pass {
  /** They come first. */
  readonly copies: Copy[];
  /** In the order of their recording. */
  readonly dispatches: Dispatch[];
}

/**
 * Recorded commands in as few passes as their order allows: a pass costs the host 5 to 10 us, a dispatch 2.5. A copy
 * joins those before the present pass unless that has written its source or used its target.
 */
export class CommandList {
  /** Copies and dispatches so far. */
  length = 0;
  /** The passes in order. */
  readonly passes: Pass[] = [{ copies: [], dispatches: [] }];
  #used = new Set<PooledMemory>();
  #written = new Set<PooledMemory>();

  /** Appends a dispatch. `memory` is what its bind group holds. */
  dispatch(dispatch: Dispatch, memory: readonly PooledMemory[]): void {
    this.passes.at(-1)!.dispatches.push(dispatch);
    this.length++;
    const { bindings } = dispatch.kernel;
    for (let i = 0; i < memory.length; i++) {
      this.#used.add(memory[i]!);
      if (!"rth".includes(bindings[i]!)) this.#written.add(memory[i]!);
    }
  }

  /** Appends a copy of a buffer's first `bytes` into a texture. */
  copy(from: PooledMemory, to: PooledMemory, bytes: number): void {
    if (this.#written.has(from) || this.#used.has(to)) {
      this.passes.push({ copies: [], dispatches: [] });
      this.#used.clear();
      this.#written.clear();
    }
    this.passes.at(-1)!.copies.push(copyOf(from.resource as GPUBuffer, to.resource as GPUTexture, bytes));
    this.length++;
  }
}

/** Whole rows of texels first, then what is left of the last one. */
function copyOf(buffer: GPUBuffer, texture: GPUTexture, bytes: number): Copy {
  const bytesPerRow = texelsPerRow * 16;
  const rows = Math.floor(bytes / bytesPerRow), rest = (bytes % bytesPerRow) / 16;
  // Deno converts objects faster than lists, and what is left out fastest: 1.2 us a copy instead of 2.6.
  const part = (y: number, width: number, height: number): Copy[number] => [
    y ? { buffer, bytesPerRow, offset: y * bytesPerRow } : { buffer, bytesPerRow },
    y ? { texture, origin: { x: 0, y } } : { texture },
    { width, height },
  ];
  return [...rows ? [part(0, texelsPerRow, rows)] : [], ...rest ? [part(rows, rest, 1)] : []];
}

/** Encodes the copies that come before a pass. */
export function encodeCopies(encoder: GPUCommandEncoder, { copies }: Pass): void {
  for (const copy of copies) {
    for (const [source, target, size] of copy) encoder.copyBufferToTexture(source, target, size);
  }
}

/** Encodes dispatches in one compute pass; `params` is group 1 of all of them. */
export function encodeDispatches(
  encoder: GPUCommandEncoder,
  dispatches: readonly Dispatch[],
  params: GPUBindGroup,
  descriptor?: GPUComputePassDescriptor,
): void {
  const pass = encoder.beginComputePass(descriptor);
  const offsets = new Uint32Array(1); // setBindGroup copies it: one array serves all calls
  let last: Kernel | null = null;
  for (const { kernel, group, offset, grid } of dispatches) {
    if (kernel !== last) pass.setPipeline((last = kernel).pipeline);
    pass.setBindGroup(0, group);
    offsets[0] = offset;
    pass.setBindGroup(1, params, offsets, 0, 1);
    if ("indirect" in grid) pass.dispatchWorkgroupsIndirect(grid.indirect.resource as GPUBuffer, grid.byteOffset);
    else pass.dispatchWorkgroups(grid[0], grid[1], grid[2]);
  }
  pass.end();
}
