import { UserError } from "../error.ts";

/**
 * Where a tensor's elements lie. `buffer` is the rule; `texture` is for reading many times, four elements a texel in
 * rows of 1024 texels: software adapters load a texel twenty times faster than four elements of a storage buffer.
 * `half` is a texture of float16: half the memory, on every adapter, and kernels still see float32.
 */
export type MemoryKind = "buffer" | "texture" | "half";

/** Texture formats of four elements, with the bytes of a texel. */
export const textureFormats = {
  texture: { format: "rgba32float", bytes: 16 },
  half: { format: "rgba16float", bytes: 8 },
} as const;

/** Texels in a row of a texture that holds a tensor. */
export const texelsPerRow = 1024;

/** GPU memory with what the runtime tracks about it. */
export interface PooledMemory {
  /** Number of its creation. */
  readonly id: number;
  /** Buffer or texture. */
  readonly kind: MemoryKind;
  /** The WebGPU object. */
  readonly resource: GPUBuffer | GPUTexture;
  /** What a bind group takes. */
  readonly binding: GPUBindingResource;
  /** Size in bytes as allocated: the size class, at least what was asked for. */
  readonly bytes: number;
  /** Number of the batch that last used the buffer; a host write must wait for that batch to be submitted. */
  lastBatch: number;
}

/** Bytes and counts of a pool. */
export interface PoolCounters {
  /** Bytes in use. */
  liveBytes: number;
  /** Bytes that wait for reuse. */
  pooledBytes: number;
  /** Most bytes live and pooled together so far. */
  peakBytes: number;
  /** Buffers ever created: constant once a training loop is warm. */
  created: number;
}

/** Where released buffers wait: the pool's own free list, or that of a capture. */
type FreeList = Map<string, PooledMemory[]>;

/** Sizes are multiples of it: kernels may take whole vec4 of what a tensor of any size lies in. */
const minBytes = 256;

/** Rounds up to 256 bytes and above that to quarter steps of a power of two: at most 25 % is wasted. */
export function sizeClass(bytes: number): number {
  if (bytes <= minBytes) return minBytes;
  const step = Math.max(minBytes, 2 ** (Math.ceil(Math.log2(bytes)) - 3));
  return Math.ceil(bytes / step) * step;
}

function textureClass(bytes: number, rowBytes: number): number {
  const rows = Math.ceil(bytes / rowBytes);
  const step = 2 ** Math.max(0, Math.ceil(Math.log2(rows)) - 3);
  return Math.ceil(rows / step) * step * rowBytes;
}

/**
 * Buffers by size class, reused after release: a fresh buffer is zeroed at first use and costs a driver call. The
 * garbage collector does not see GPU memory, so lifetimes are explicit and a byte budget stands in for the driver's
 * out-of-memory error, which software adapters never give.
 */
export class BufferPool {
  /** What the pool holds. */
  readonly counters: PoolCounters = { liveBytes: 0, pooledBytes: 0, peakBytes: 0, created: 0 };
  #free: FreeList = new Map();
  #capture: FreeList | null = null;

  /**
   * An empty pool.
   *
   * @param device where buffers are made.
   * @param budgetBytes most bytes live and pooled together.
   * @param hooks.beforeTrim called before waiting buffers are destroyed: recorded work may still name them.
   * @param hooks.onDestroy called for each of them, so that bind groups on it can go.
   */
  constructor(
    private readonly device: GPUDevice,
    readonly budgetBytes: number,
    private readonly hooks: { beforeTrim(): void; onDestroy(buffer: PooledMemory): void },
  ) {}

  /**
   * A buffer of at least `bytes` bytes with undefined contents.
   *
   * @param purpose named in the error: the op or tensor that needs it.
   * @throws {UserError} where the budget or the adapter's binding size would be exceeded.
   */
  acquire(bytes: number, purpose: string, kind: MemoryKind = "buffer"): PooledMemory {
    const { maxStorageBufferBindingSize, maxBufferSize, maxTextureDimension2D } = this.device.limits;
    const rowBytes = kind === "buffer" ? 0 : texelsPerRow * textureFormats[kind].bytes;
    const limit = rowBytes
      ? maxTextureDimension2D * rowBytes
      : Math.floor(Math.min(maxStorageBufferBindingSize, maxBufferSize) / minBytes) * minBytes;
    const size = Math.min(rowBytes ? textureClass(bytes, rowBytes) : sizeClass(bytes), limit);
    if (bytes > limit) {
      throw new UserError(
        `Cannot allocate ${mib(bytes)} for ${purpose}: this adapter binds at most ${mib(limit)} at once; ` +
          "use a smaller batch or model",
      );
    }
    const key = `${kind}${size}`;
    const waiting = this.#capture?.get(key)?.pop() ?? this.#free.get(key)?.pop();
    const counters = this.counters;
    if (waiting) {
      counters.pooledBytes -= size;
      counters.liveBytes += size;
      return waiting;
    }
    if (counters.liveBytes + counters.pooledBytes + size > this.budgetBytes) this.trim();
    if (counters.liveBytes + counters.pooledBytes + size > this.budgetBytes) {
      throw new UserError(
        `Cannot allocate ${mib(bytes)} for ${purpose}: ${
          mib(counters.liveBytes + counters.pooledBytes)
        } of the budget of ` +
          `${mib(this.budgetBytes)} are in use; use a smaller batch, or raise the memory budget`,
      );
    }
    counters.created++;
    counters.liveBytes += size;
    counters.peakBytes = Math.max(counters.peakBytes, counters.liveBytes + counters.pooledBytes);
    const id = counters.created;
    if (kind !== "buffer") {
      const resource = this.device.createTexture({
        label: purpose,
        size: [texelsPerRow, size / rowBytes],
        format: textureFormats[kind].format,
        usage: GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.COPY_DST,
      });
      return { id, kind, resource, binding: resource.createView(), bytes: size, lastBatch: -1 };
    }
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST | GPUBufferUsage.INDIRECT;
    const resource = this.device.createBuffer({ label: purpose, size, usage });
    return { id, kind, resource, binding: { buffer: resource }, bytes: size, lastBatch: -1 };
  }

  /** Gives a buffer back for reuse. */
  release(buffer: PooledMemory): void {
    this.counters.liveBytes -= buffer.bytes;
    this.counters.pooledBytes += buffer.bytes;
    const list = this.#capture ?? this.#free;
    const key = `${buffer.kind}${buffer.bytes}`;
    const waiting = list.get(key);
    if (waiting) waiting.push(buffer);
    else list.set(key, [buffer]);
  }

  /**
   * From now on released buffers wait in a list of their own: a captured step writes them at every replay, so they
   * must not serve anyone else. The function returned ends this and gives the list's owner a way to free it.
   */
  beginCapture(): () => () => void {
    const list: FreeList = this.#capture = new Map();
    return () => {
      this.#capture = null;
      return () => {
        for (const [key, buffers] of list) this.#free.set(key, [...this.#free.get(key) ?? [], ...buffers]);
        list.clear();
      };
    };
  }

  /** Destroys the buffers that wait for reuse. */
  trim(): void {
    if (this.counters.pooledBytes === 0) return;
    this.hooks.beforeTrim();
    for (const buffers of this.#free.values()) {
      for (const waiting of buffers) {
        this.hooks.onDestroy(waiting);
        waiting.resource.destroy();
        this.counters.pooledBytes -= waiting.bytes;
      }
    }
    this.#free.clear();
  }
}

/** A byte count for people: `12.5 MiB`. */
export function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 2 : 0)} MiB`;
}
