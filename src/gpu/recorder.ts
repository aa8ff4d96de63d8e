import { CommandList, type Cost, encodeCopies, encodeDispatches, type Grid, type Pass } from "./command_list.ts";
import { type Kernel, type KernelCache, paramBytes } from "./kernel.ts";
import { ParamBlock, type ParamValues } from "./params.ts";
import type { PooledMemory } from "./pool.ts";
import type { Profiler } from "./profiler.ts";

/** A recorded step: replaying it is one upload of the params that changed, one encoder, one submit. */
export interface Recording {
  /** Copies and dispatches in order. */
  readonly passes: readonly Pass[];
  /** Number of copies and dispatches. */
  readonly length: number;
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
 * The one way to the queue. Ops append dispatches; `flush` puts all of them into one encoder, and into one compute pass
 * where no copies stand between, and submits once. A capture collects the same commands aside and replays them later.
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
  #commands = new CommandList();
  #params: ParamBlock;
  #uniform: GPUBuffer;
  #uniformGroup: GPUBindGroup;
  #capture: { commands: CommandList; params: ParamBlock } | null = null;

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
    target.commands.dispatch({ kernel, group, offset, grid, cost }, buffers);
    this.lastOp = kernel.label;
    if (this.#capture) return;
    for (const buffer of buffers) buffer.lastBatch = this.batch;
    if ("indirect" in grid) grid.indirect.lastBatch = this.batch;
  }

  /** Appends a copy of a buffer's first `bytes` into a texture; it may cost a pass boundary. */
  copy(from: PooledMemory, to: PooledMemory, bytes: number): void {
    (this.#capture?.commands ?? this.#commands).copy(from, to, bytes);
    if (!this.#capture) from.lastBatch = this.batch;
  }

  /** Submits what was recorded; `finish` may append copies to the encoder after the pass. */
  flush(finish?: (encoder: GPUCommandEncoder) => void): void {
    if (this.#commands.length === 0 && !finish) return;
    const { passes, length } = this.#commands;
    this.#commands = new CommandList();
    const { lastOp } = this;
    const [params, uniform, uniformGroup] = [this.#params, this.#uniform, this.#uniformGroup];
    this.#submit({ passes, length, params, uniform, uniformGroup, lastOp }, finish);
    this.#params.reset();
  }

  /** True while a capture is being recorded. */
  get capturing(): boolean {
    return this.#capture !== null;
  }

  /** Records the dispatches of `body` without running them. Captures do not nest. */
  capture(body: () => void): Recording {
    const params = new ParamBlock(this.device.limits.minUniformBufferOffsetAlignment, captureBytes);
    const commands = new CommandList();
    this.#capture = { commands, params };
    try {
      body();
    } finally {
      this.#capture = null;
    }
    const [uniform, uniformGroup] = this.#makeUniform(params.bytes);
    const { passes, length } = commands;
    return { passes, length, params, uniform, uniformGroup, lastOp: this.lastOp };
  }

  /** Runs a recording with the present values of its scalars, after everything recorded before. */
  replay(recording: Recording): void {
    this.flush();
    recording.params.refresh();
    this.lastOp = recording.lastOp;
    this.#submit(recording);
  }

  #submit(recording: Recording, finish?: (encoder: GPUCommandEncoder) => void): void {
    const { passes, length, params, uniform, uniformGroup } = recording;
    const encoder = this.device.createCommandEncoder();
    const changed = params.takeChanges();
    if (changed) this.device.queue.writeBuffer(uniform, changed.byteOffset, changed);
    for (const pass of passes) {
      encodeCopies(encoder, pass);
      if (pass.dispatches.length === 0) continue;
      if (this.profiler) this.profiler.encode(encoder, pass.dispatches, uniformGroup);
      else encodeDispatches(encoder, pass.dispatches, uniformGroup);
    }
    finish?.(encoder);
    this.device.queue.submit([encoder.finish()]);
    this.counters.submits++;
    this.counters.dispatches += length;
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
