import { type Kernel, type KernelCache, paramBytes } from "./kernel.ts";
import { ParamBlock, type ParamValues } from "./params.ts";
import { type PooledMemory, texelsPerRow } from "./pool.ts";
import type { Profiler } from "./profiler.ts";

/** Workgroups in x, y, z, or a buffer of three u32 from which the device takes them. */
export type Grid = readonly [number, number, number] | { readonly indirect: PooledMemory; readonly byteOffset: number };

/** What a dispatch costs, for the profiler: floating-point operations and bytes moved. */
export interface Cost {
  /** Floating-point operations. */
  readonly flops?: number;
  /** Bytes read and written. */
  readonly bytes?: number;
}

/** One recorded copy of a buffer's first bytes into a texture. */
export interface Copy {
  /** A tensor's buffer. */
  readonly from: GPUBuffer;
  /** The texture of its copy. */
  readonly to: GPUTexture;
  /** Bytes of the tensor. */
  readonly bytes: number;
}

/** One recorded dispatch. */
export interface Dispatch {
  /** What runs. */
  readonly kernel: Kernel;
  /** Group 0, the tensors. */
  readonly group: GPUBindGroup;
  /** Byte offset of its params. */
  readonly offsets: Uint32Array;
  /** Workgroups. */
  readonly grid: Grid;
  /** What profiles count. */
  readonly cost: Cost | undefined;
}

/** What a recording consists of. */
export type Command = Dispatch | Copy;

/** A recorded step: replaying it is one upload of the params, one encoder, one pass, one submit. */
export interface Recording {
  /** Dispatches and copies in order. */
  readonly commands: readonly Command[];
  /** Values of the params of all dispatches. */
  readonly params: ParamBlock;
  /** Where they lie on the device. */
  readonly uniform: GPUBuffer;
  /** Group 1 of every dispatch. */
  readonly uniformGroup: GPUBindGroup;
  /** The last kernel, for error messages. */
  readonly lastOp: string;
}

/** Most workgroups in a dimension of a grid; every adapter has this limit. */
const maxGroups = 65535;
const batchBytes = 1 << 20;
const captureBytes = 1 << 22;

/**
 * The one way to the queue. Ops append dispatches; `flush` puts all of them into one encoder and one compute pass and
 * submits once. A capture collects the same commands aside and replays them later.
 */
export class Recorder {
  /** Number of the batch being recorded. */
  batch = 0;
  /** Submits and dispatches so far. */
  readonly counters = { submits: 0, dispatches: 0 };
  /** The kernel recorded last, for error messages. */
  lastOp = "nothing";
  /** Measures every dispatch where set. */
  profiler: Profiler | null = null;
  #commands: Command[] = [];
  #params: ParamBlock;
  #uniform: GPUBuffer;
  #uniformGroup: GPUBindGroup;
  #capture: { commands: Command[]; params: ParamBlock } | null = null;

  /** A recorder with nothing to submit. */
  constructor(private readonly device: GPUDevice, private readonly kernels: KernelCache) {
    this.#params = new ParamBlock(device.limits.minUniformBufferOffsetAlignment, batchBytes);
    [this.#uniform, this.#uniformGroup] = this.#makeUniform(batchBytes);
  }

  /** Appends one dispatch. `buffers` are the inputs, then the outputs. */
  dispatch(
    kernel: Kernel,
    buffers: readonly PooledMemory[],
    params: ParamValues,
    grid: Grid,
    cost?: Cost,
  ): void {
    if (!("indirect" in grid) && Math.max(...grid) > maxGroups) {
      throw new Error(`${kernel.label}: grid [${grid.join(", ")}] exceeds ${maxGroups} workgroups in a dimension`);
    }
    const target = this.#capture ?? { commands: this.#commands, params: this.#params };
    if (target.params.full) {
      if (this.#capture) {
        throw new Error(
          `Cannot capture more than ${target.commands.length} dispatches in one step: capture it in several parts`,
        );
      }
      this.flush();
      target.commands = this.#commands;
    }
    const offset = target.params.append(kernel, params);
    const group = this.kernels.bindGroup(kernel, buffers);
    target.commands.push({ kernel, group, offsets: Uint32Array.of(offset), grid, cost });
    this.lastOp = kernel.label;
    if (this.#capture) return;
    for (const buffer of buffers) buffer.lastBatch = this.batch;
    if ("indirect" in grid) grid.indirect.lastBatch = this.batch;
  }

  /** Appends a copy of a buffer's first `bytes` into a texture; it costs a pass boundary. */
  copy(from: PooledMemory, to: PooledMemory, bytes: number): void {
    const command = { from: from.resource as GPUBuffer, to: to.resource as GPUTexture, bytes };
    (this.#capture?.commands ?? this.#commands).push(command);
    if (!this.#capture) from.lastBatch = this.batch;
  }

  /** Submits what was recorded; `finish` may append copies to the encoder after the pass. */
  flush(finish?: (encoder: GPUCommandEncoder) => void): void {
    if (this.#commands.length === 0 && !finish) return;
    const commands = this.#commands;
    this.#commands = [];
    const { lastOp } = this;
    const [params, uniform, uniformGroup] = [this.#params, this.#uniform, this.#uniformGroup];
    this.#submit({ commands, params, uniform, uniformGroup, lastOp }, finish);
    this.#params.reset();
  }

  /** True while a capture is being recorded. */
  get capturing(): boolean {
    return this.#capture !== null;
  }

  /** Records the dispatches of `body` without running them. Captures do not nest. */
  capture(body: () => void): Recording {
    const params = new ParamBlock(this.device.limits.minUniformBufferOffsetAlignment, captureBytes);
    const capture = this.#capture = { commands: [] as Command[], params };
    try {
      body();
    } finally {
      this.#capture = null;
    }
    const [uniform, uniformGroup] = this.#makeUniform(params.bytes);
    return { commands: capture.commands, params, uniform, uniformGroup, lastOp: this.lastOp };
  }

  /** Runs a recording with the present values of its scalars, after everything recorded before. */
  replay(recording: Recording): void {
    this.flush();
    recording.params.refresh();
    this.lastOp = recording.lastOp;
    this.#submit(recording);
  }

  #submit(recording: Recording, finish?: (encoder: GPUCommandEncoder) => void): void {
    const { commands, params, uniform, uniformGroup } = recording;
    const encoder = this.device.createCommandEncoder();
    if (commands.length) {
      this.device.queue.writeBuffer(uniform, 0, params.view());
      if (this.profiler) this.profiler.encode(encoder, recording);
      else encodeCommands(encoder, commands, uniformGroup);
    }
    finish?.(encoder);
    this.device.queue.submit([encoder.finish()]);
    this.counters.submits++;
    this.counters.dispatches += commands.length;
    this.batch++;
  }

  #makeUniform(bytes: number): [GPUBuffer, GPUBindGroup] {
    const buffer = this.device.createBuffer({
      label: "params",
      size: bytes,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    const group = this.device.createBindGroup({
      layout: this.kernels.paramsLayout,
      entries: [{ binding: 0, resource: { buffer, size: paramBytes } }],
    });
    return [buffer, group];
  }
}

function encodeCommands(encoder: GPUCommandEncoder, commands: readonly Command[], uniformGroup: GPUBindGroup): void {
  let pass: GPUComputePassEncoder | null = null;
  let last: Kernel | null = null;
  for (const command of commands) {
    if ("from" in command) {
      pass?.end();
      pass = last = null;
      encodeCopy(encoder, command);
      continue;
    }
    const { kernel, group, offsets, grid } = command;
    pass ??= encoder.beginComputePass();
    if (kernel !== last) pass.setPipeline((last = kernel).pipeline);
    pass.setBindGroup(0, group);
    pass.setBindGroup(1, uniformGroup, offsets, 0, 1);
    dispatchGrid(pass, grid);
  }
  pass?.end();
}

/** Whole rows of texels first, then what is left of the last one. */
export function encodeCopy(encoder: GPUCommandEncoder, { from, to, bytes }: Copy): void {
  const rowBytes = texelsPerRow * 16;
  const rows = Math.floor(bytes / rowBytes), rest = (bytes % rowBytes) / 16;
  const target = (y: number) => ({ texture: to, origin: [0, y, 0] });
  const source = { buffer: from, bytesPerRow: rowBytes };
  if (rows) encoder.copyBufferToTexture(source, target(0), [texelsPerRow, rows]);
  if (rest) encoder.copyBufferToTexture({ ...source, offset: rows * rowBytes }, target(rows), [rest, 1]);
}

/** Issues one dispatch, direct or indirect. */
export function dispatchGrid(pass: GPUComputePassEncoder, grid: Grid): void {
  if ("indirect" in grid) pass.dispatchWorkgroupsIndirect(grid.indirect.resource as GPUBuffer, grid.byteOffset);
  else pass.dispatchWorkgroups(grid[0], grid[1], grid[2]);
}
