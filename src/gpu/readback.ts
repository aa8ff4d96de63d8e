import type { PooledMemory } from "./pool.ts";
import type { Recorder } from "./recorder.ts";

/** First bytes of a buffer. */
export interface BufferPart {
  /** Where to read. */
  readonly source: PooledMemory;
  /** How much, from the beginning. */
  readonly bytes: number;
}

/** Size of the staging buffer that is kept; a larger read gets one of its own. */
const keptBytes = 1 << 20;

/**
 * The one place where results come to the host.
 *
 * Deno's awaited `mapAsync` costs about 11 ms whatever the work. Reading the mapped range without awaiting costs under
 * 0.1 ms and gives the right bytes there, but only on a buffer that was mapped at creation once, and no standard
 * promises it; so {@link readsWithoutWaiting} probes it at start, and the awaited path stays as the fallback.
 */
export class Readback {
  #kept: GPUBuffer;

  /**
   * Reads what a recorder has written.
   *
   * @param immediate read the mapped range without awaiting it.
   */
  constructor(
    private readonly device: GPUDevice,
    private readonly recorder: Recorder,
    private readonly immediate: boolean,
  ) {
    this.#kept = makeStaging(device, keptBytes);
  }

  /**
   * Submits everything recorded and returns copies of the buffers' first bytes, as they are at the time of the call;
   * one submit for all of them.
   *
   * @throws {RangeError} for more bytes than one buffer can hold.
   */
  async read(parts: readonly BufferPart[]): Promise<ArrayBuffer[]> {
    const total = parts.reduce((sum, { bytes }) => sum + aligned(bytes), 0);
    const { maxBufferSize } = this.device.limits;
    if (total > maxBufferSize) {
      throw new RangeError(
        `Cannot read ${total} bytes at once: this adapter maps at most ${maxBufferSize}; read fewer tensors at a time`,
      );
    }
    const keep = this.immediate && total <= keptBytes;
    const staging = keep ? this.#kept : makeStaging(this.device, total);
    this.recorder.flush((encoder) => {
      let at = 0;
      for (const { source, bytes } of parts) {
        encoder.copyBufferToBuffer(source.resource as GPUBuffer, 0, staging, at, bytes);
        at += aligned(bytes);
      }
    });
    if (this.immediate) mapNow(staging);
    else await staging.mapAsync(GPUMapMode.READ);
    const range = staging.getMappedRange();
    let at = 0;
    const copies = parts.map(({ bytes }) => {
      const copy = range.slice(at, at + bytes);
      at += aligned(bytes);
      return copy;
    });
    staging.unmap();
    if (!keep) staging.destroy();
    return copies;
  }
}

/** Tries on a known pattern whether a mapped range can be read without awaiting it. */
export function readsWithoutWaiting(device: GPUDevice): boolean {
  const expected = Uint32Array.from({ length: 64 }, (_, i) => Math.imul(i + 1, 0x9e3779b9));
  const bytes = expected.byteLength;
  const source = device.createBuffer({ size: bytes, usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
  const staging = makeStaging(device, bytes);
  device.queue.writeBuffer(source, 0, expected);
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(source, 0, staging, 0, bytes);
  device.queue.submit([encoder.finish()]);
  try {
    mapNow(staging);
    const found = new Uint32Array(staging.getMappedRange());
    return expected.every((word, i) => word === found[i]);
  } catch {
    return false;
  } finally {
    staging.destroy();
    source.destroy();
  }
}

function mapNow(staging: GPUBuffer): void {
  staging.mapAsync(GPUMapMode.READ).catch(() => {}); // a failure shows as an error of getMappedRange
}

function makeStaging(device: GPUDevice, size: number): GPUBuffer {
  const staging = device.createBuffer({
    label: "readback",
    size,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    mappedAtCreation: true, // primes the reading without waiting
  });
  staging.unmap();
  return staging;
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
