import assert from "node:assert/strict";

/** An event as a reader of TensorBoard's files finds it. */
export interface ScalarEvent {
  readonly wallTime: number;
  readonly step?: number;
  readonly version?: string;
  readonly scalars?: Readonly<Record<string, number>>;
}

/**
 * Reads an event file independently of its writer: frames and checksums, then the protocol buffers by a reader that
 * knows wire types only. Fails on a wrong checksum.
 */
export function readEvents(file: Uint8Array): ScalarEvent[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const events: ScalarEvent[] = [];
  for (let at = 0; at < file.length;) {
    const length = Number(view.getBigUint64(at, true));
    assert.equal(view.getUint32(at + 8, true), masked(file.subarray(at, at + 8)), "checksum of the length");
    const data = file.subarray(at + 12, at + 12 + length);
    assert.equal(view.getUint32(at + 12 + length, true), masked(data), "checksum of the data");
    events.push(event(data));
    at += length + 16;
  }
  return events;
}

function event(data: Uint8Array): ScalarEvent {
  const found = fields(data);
  const [wallTime, step, version, summary] = [1, 2, 3, 5].map((number) => found.find(([field]) => field === number));
  return {
    wallTime: new DataView((wallTime![1] as Uint8Array<ArrayBuffer>).slice().buffer).getFloat64(0, true),
    ...(step ? { step: Number(step[1]) } : {}),
    ...(version ? { version: utf8(version[1]) } : {}),
    ...(summary
      ? { scalars: Object.fromEntries(fields(summary[1] as Uint8Array).map(([, value]) => scalar(value))) }
      : {}),
  };
}

function scalar(value: Uint8Array | bigint): [string, number] {
  const [tag, simple] = fields(value as Uint8Array);
  assert.deepEqual([tag![0], simple![0]], [1, 2]);
  return [utf8(tag![1]), new DataView((simple![1] as Uint8Array<ArrayBuffer>).slice().buffer).getFloat32(0, true)];
}

function utf8(value: Uint8Array | bigint): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(value as Uint8Array<ArrayBuffer>);
}

/** Number and content of each field: of wire type 0 an integer, of the others bytes. */
function fields(data: Uint8Array): [field: number, content: Uint8Array | bigint][] {
  const found: [number, Uint8Array | bigint][] = [];
  let at = 0;
  const integer = () => {
    let value = 0n, shift = 0n;
    for (;; shift += 7n) {
      const byte = data[at++]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const take = (length: number) => data.subarray(at, at += length);
  while (at < data.length) {
    const key = Number(integer());
    const type = key & 7;
    assert.ok([0, 1, 2, 5].includes(type), `wire type ${type}`);
    found.push([key >> 3, type === 0 ? integer() : take(type === 1 ? 8 : type === 5 ? 4 : Number(integer()))]);
  }
  assert.equal(at, data.length, "a field ends where its message ends");
  return found;
}

/** The masked CRC-32C, bit by bit from the high end over reversed bytes: another way than the writer's. */
function masked(data: Uint8Array): number {
  let crc = 0xffffffffn;
  for (const byte of data) {
    crc ^= reversed(BigInt(byte), 8) << 24n;
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1n ^ (crc >> 31n ? 0x1edc6f41n : 0n)) & 0xffffffffn;
  }
  const value = reversed(crc ^ 0xffffffffn, 32);
  const turned = (value >> 15n | value << 17n) & 0xffffffffn;
  return Number(turned + 0xa282ead8n & 0xffffffffn);
}

function reversed(value: bigint, bits: number): bigint {
  return BigInt("0b" + value.toString(2).padStart(bits, "0").split("").reverse().join(""));
}
