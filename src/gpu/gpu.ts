import { UserError } from "../error.ts";
import { openAdapter, type OpenedAdapter } from "./adapter.ts";
import { ErrorLog } from "./error_log.ts";
import { KernelCache } from "./kernel.ts";
import { defaultTable, type KernelTable } from "./kernel_table.ts";
import { BufferPool } from "./pool.ts";
import { Profiler } from "./profiler.ts";
import { type BufferPart, Readback, readsWithoutWaiting } from "./readback.ts";
import { Recorder } from "./recorder.ts";

/** How to open a device. */
export interface GpuOptions {
  /** Take the software adapter even beside a GPU. */
  software?: boolean;
  /** Most bytes of GPU memory, live and pooled together; default 8 GiB. */
  memoryBytes?: number;
  /** Chooses the kernels of heavy ops once the adapter is known; default: by its class. */
  choose?: (adapter: OpenedAdapter) => KernelTable | Promise<KernelTable>;
}

const defaultMemoryBytes = 8 * 2 ** 30;

/** An adapter with its pool, kernels, recorder and readback: all that tensors need of WebGPU. */
export class Gpu {
  /** What went wrong since the last read. */
  readonly errors: ErrorLog;
  /** Compiled kernels and their bind groups. */
  readonly kernels: KernelCache;
  /** The one way to the queue. */
  readonly recorder: Recorder;
  /** Memory and its counters. */
  readonly pool: BufferPool;
  /** The one way back to the host. */
  readonly readback: Readback;

  /**
   * Sets up the runtime on an opened adapter.
   *
   * @param adapter an opened adapter; a changed copy of it tests other variants of the kernels.
   * @param memoryBytes most bytes of GPU memory, live and pooled together.
   * @param table which kernels the heavy ops run.
   */
  constructor(
    readonly adapter: OpenedAdapter,
    memoryBytes: number = defaultMemoryBytes,
    readonly table: KernelTable = defaultTable(adapter),
  ) {
    const { device } = adapter;
    this.errors = new ErrorLog(device);
    this.kernels = new KernelCache(adapter, this.errors);
    this.recorder = new Recorder(device, this.kernels);
    this.pool = new BufferPool(device, memoryBytes, {
      beforeTrim: () => this.recorder.flush(),
      onDestroy: (buffer) => this.kernels.forget(buffer),
    });
    this.readback = new Readback(device, this.recorder, readsWithoutWaiting(device));
  }

  /** Opens the adapter. @throws {UserError} where there is none. */
  static async open(options: GpuOptions = {}): Promise<Gpu> {
    const adapter = await openAdapter(options);
    return new Gpu(adapter, options.memoryBytes, await options.choose?.(adapter));
  }

  /**
   * First bytes of buffers, as they are at the time of the call.
   *
   * @throws {Error} the first error that WebGPU reported since the last call, with kernel, file and line where known.
   */
  async read(parts: readonly BufferPart[]): Promise<ArrayBuffer[]> {
    const { lastOp } = this.recorder;
    let copies: ArrayBuffer[] = [];
    let failure: unknown;
    try {
      copies = await this.readback.read(parts);
    } catch (cause) {
      failure = cause;
    }
    await this.errors.check(lastOp, failure);
    return copies;
  }

  /**
   * Measures every dispatch from now on; call `report()` on the result.
   *
   * @throws {UserError} where the adapter has no timestamp queries.
   */
  startProfiling(): Profiler {
    if (!this.adapter.features.has("timestamp-query")) {
      throw new UserError(`Cannot profile on ${this.adapter.name}: it has no timestamp queries; use another adapter`);
    }
    this.recorder.flush();
    return this.recorder.profiler = new Profiler(this.adapter.device);
  }

  /** Ends profiling. */
  stopProfiling(): void {
    this.recorder.flush();
    this.recorder.profiler = null;
  }

  /** Frees the device. */
  destroy(): void {
    this.adapter.device.destroy();
  }
}
