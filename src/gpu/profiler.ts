import { type Dispatch, encodeDispatches } from "./command_list.ts";

/** Time and throughput of one kernel over all its dispatches. */
export interface KernelProfile {
  /** Label of the kernel. */
  readonly kernel: string;
  /** Dispatches. */
  readonly count: number;
  /** Time of all of them together. */
  readonly milliseconds: number;
  /** Undefined where the kernel's calls state no cost. */
  readonly gflops: number | undefined;
  /** GB/s, where the launches name their bytes. */
  readonly gbytes: number | undefined;
}

const maxQueries = 4096;

/**
 * Measures every dispatch with a pair of timestamp queries. Queries sit at pass boundaries, so while profiling each
 * dispatch has a pass of its own: kernel times are true, the sum is above that of an unprofiled step.
 */
export class Profiler {
  #totals = new Map<string, { count: number; nanoseconds: number; flops: number; bytes: number }>();
  #pending: { chunk: readonly Dispatch[]; querySet: GPUQuerySet; resolved: GPUBuffer; result: GPUBuffer }[] = [];

  /** Measures dispatches of a device with timestamp queries. */
  constructor(private readonly device: GPUDevice) {}

  /** Encodes a pass's dispatches with timestamps, in chunks of the largest query set; `params` is group 1 of them. */
  encode(encoder: GPUCommandEncoder, dispatches: readonly Dispatch[], params: GPUBindGroup): void {
    for (let start = 0; start < dispatches.length; start += maxQueries / 2) {
      this.#encodeChunk(encoder, dispatches.slice(start, start + maxQueries / 2), params);
    }
  }

  #encodeChunk(encoder: GPUCommandEncoder, chunk: readonly Dispatch[], params: GPUBindGroup): void {
    const querySet = this.device.createQuerySet({ type: "timestamp", count: chunk.length * 2 });
    chunk.forEach((dispatch, i) => {
      const timestampWrites = { querySet, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 };
      encodeDispatches(encoder, [dispatch], params, { timestampWrites });
    });
    const size = chunk.length * 16;
    const resolved = this.device.createBuffer({
      size,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    const result = this.device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    encoder.resolveQuerySet(querySet, 0, chunk.length * 2, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, result, 0, size);
    this.#pending.push({ chunk, querySet, resolved, result });
  }

  /** Waits for the measured work and returns the kernels, the most expensive first. */
  async report(): Promise<KernelProfile[]> {
    for (const { chunk, querySet, resolved, result } of this.#pending.splice(0)) {
      await result.mapAsync(GPUMapMode.READ);
      const times = new BigUint64Array(result.getMappedRange());
      chunk.forEach(({ kernel: { label }, cost }, i) => {
        const total = this.#totals.get(label) ?? { count: 0, nanoseconds: 0, flops: 0, bytes: 0 };
        total.count++;
        total.nanoseconds += Number(times[2 * i + 1]! - times[2 * i]!);
        total.flops += cost?.flops ?? 0;
        total.bytes += cost?.bytes ?? 0;
        this.#totals.set(label, total);
      });
      for (const resource of [result, resolved, querySet]) resource.destroy();
    }
    const rows = [...this.#totals].map(([kernel, { count, nanoseconds, flops, bytes }]) => ({
      kernel,
      count,
      milliseconds: nanoseconds / 1e6,
      gflops: flops ? flops / nanoseconds : undefined,
      gbytes: bytes ? bytes / nanoseconds : undefined,
    }));
    return rows.sort((a, b) => b.milliseconds - a.milliseconds);
  }
}
