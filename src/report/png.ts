import { crc32, deflateSync } from "node:zlib";
import { UserError } from "../error.ts";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** PNG's colour type by the number of channels: grey, RGB, RGBA. */
const COLOR_TYPE: Partial<Record<number, number>> = { 1: 0, 3: 2, 4: 6 };

/**
 * Encodes an 8-bit image as a PNG file (PNG specification, third edition; no filter, no interlacing).
 *
 * Our own because it is a page: the npm image codecs need `--allow-ffi`, this needs no permission.
 *
 * @param pixels `[height, width, channels]`, row by row; 1 channel is grey, 3 RGB, 4 RGBA.
 * @throws {UserError} if the number of bytes fits none of these.
 */
export function encodePng(pixels: Uint8Array, width: number, height: number): Uint8Array {
  const channels = pixels.length / (width * height);
  const colorType = COLOR_TYPE[channels];
  if (colorType === undefined) {
    throw new UserError(
      `A ${width}x${height} PNG needs 1, 3 or 4 bytes per pixel, got ${pixels.length} bytes: check width and height`,
    );
  }
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8);
  header.setUint8(9, colorType);

  const stride = width * channels;
  const lines = new Uint8Array(height * (stride + 1));
  for (let y = 0; y < height; y++) lines.set(pixels.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);

  const chunks = [
    new Uint8Array(SIGNATURE),
    chunk("IHDR", new Uint8Array(header.buffer)),
    chunk("IDAT", deflateSync(lines)),
    chunk("IEND", new Uint8Array()),
  ];
  const png = new Uint8Array(chunks.reduce((size, { length }) => size + length, 0));
  let offset = 0;
  for (const bytes of chunks) {
    png.set(bytes, offset);
    offset += bytes.length;
  }
  return png;
}

/** Length, type, data, and the checksum of type and data. */
function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}
