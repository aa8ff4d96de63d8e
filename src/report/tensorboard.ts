import { join } from "node:path";
import { fileError } from "../io/file_error.ts";

/** Numbers by name; those of a nested record get the tag `outer/inner`. What is no finite number is passed over. */
export interface Scalars {
  readonly [name: string]: unknown;
}

/**
 * Appends scalars to an event file that TensorBoard reads: TFRecords of protocol buffers `tensorflow.Event`, of which
 * only the few fields that scalars need are written (tensorflow/core/util/event.proto, framework/summary.proto).
 * Every record is in the file when `append` returns. Close it, or declare it with `using`.
 */
export class TensorBoardLog implements Disposable {
  readonly #file: Deno.FsFile;

  private constructor(readonly path: string, file: Deno.FsFile) {
    this.#file = file;
  }

  /**
   * Begins an event file in `directory`, which is made where it is missing, named by the time in milliseconds.
   *
   * A resumed run needs no care: TensorBoard reads files by name, and a value drops those of its tag whose steps are not
   * smaller (tensorboard/data/server/reservoir.rs). Throws UserError where the file cannot be written.
   */
  static async open(directory: string): Promise<TensorBoardLog> {
    const now = Date.now();
    const path = join(directory, `events.out.tfevents.${now}`);
    try {
      await Deno.mkdir(directory, { recursive: true });
      const log = new TensorBoardLog(path, await Deno.open(path, { append: true, create: true }));
      log.#write(event(now / 1000, text(3, "brain.Event:2")));
      return log;
    } catch (cause) {
      throw fileError("write", path, cause);
    }
  }

  /**
   * Adds the finite numbers of `scalars`, nothing where there are none.
   *
   * @param step a whole number from 0 up.
   * @param wallTime seconds since 1970.
   */
  append(step: number, scalars: Scalars, wallTime: number): void {
    if (!(Number.isSafeInteger(step) && step >= 0)) {
      throw new RangeError(`Cannot log scalars at step ${step}: wanted a whole number from 0 up`);
    }
    const values = tagged(scalars).map(([tag, value]) => bytes(1, [...text(1, tag), 2 << 3 | 5, ...float32(value)]));
    if (values.length > 0) this.#write(event(wallTime, [2 << 3, ...varint(step), ...bytes(5, values.flat())]));
  }

  /** Closes the file. */
  close(): void {
    this.#file.close();
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.close();
  }

  #write(data: readonly number[]): void {
    const record = tfRecord(Uint8Array.from(data));
    for (let written = 0; written < record.length;) written += this.#file.writeSync(record.subarray(written));
  }
}

function tagged(scalars: Scalars, prefix = ""): [tag: string, value: number][] {
  return Object.entries(scalars).flatMap(([name, value]): [string, number][] => {
    if (typeof value === "number") return Number.isFinite(Math.fround(value)) ? [[prefix + name, value]] : [];
    const nested = typeof value === "object" && value !== null && !Array.isArray(value);
    return nested ? tagged(value as Scalars, `${prefix}${name}/`) : [];
  });
}

/** An Event: its wall_time (field 1, a double) and the fields given. */
function event(wallTime: number, fields: readonly number[]): number[] {
  return [1 << 3 | 1, ...new Uint8Array(Float64Array.of(wallTime).buffer), ...fields];
}

function text(field: number, value: string): number[] {
  return bytes(field, [...new TextEncoder().encode(value)]);
}

/** A field of bytes: text, or a message in the message. */
function bytes(field: number, content: readonly number[]): number[] {
  return [field << 3 | 2, ...varint(content.length), ...content];
}

/** Seven bits a byte, the low ones first; all but the last have the high bit set. */
function varint(value: number): number[] {
  return value < 128 ? [value] : [value % 128 + 128, ...varint(Math.floor(value / 128))];
}

function float32(value: number): Uint8Array {
  return new Uint8Array(Float32Array.of(value).buffer);
}

/** Length u64, its checksum u32, the data, the data's checksum u32 (tensorflow/core/lib/io/record_writer.h). */
function tfRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(data.length + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return record;
}

/** TFRecord's checksum: a CRC-32C, turned and moved so that checksums of checksums stay strong. */
function maskedCrc(data: Uint8Array): number {
  const crc = crc32c(data);
  return ((crc >>> 15 | crc << 17) + 0xa282ead8) >>> 0;
}

/** CRC-32C (Castagnoli, reflected polynomial 0x82f63b78) of some bytes. */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc >>> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}
