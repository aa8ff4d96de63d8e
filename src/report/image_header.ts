/** What an image file says at its beginning. */
export interface ImageHeader {
  /** The file's format. */
  readonly kind: "png" | "jpeg" | "gif";
  /** Width in pixels, as the file claims. */
  readonly width: number;
  /** Height in pixels, as the file claims. */
  readonly height: number;
}

/**
 * Format and size of a PNG, JPEG or GIF file; null for bytes that begin as none of these or end before they say their
 * size. Nothing else is decoded.
 */
export function imageHeader(bytes: Uint8Array): ImageHeader | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const begins = (...start: number[]) => start.every((byte, i) => bytes[i] === byte);
  if (begins(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a) && bytes.length >= 24) {
    return { kind: "png", width: view.getUint32(16), height: view.getUint32(20) }; // of IHDR, the first chunk
  }
  if (begins(0x47, 0x49, 0x46, 0x38) && bytes.length >= 10) {
    return { kind: "gif", width: view.getUint16(6, true), height: view.getUint16(8, true) };
  }
  return begins(0xff, 0xd8, 0xff) ? jpegHeader(view) : null;
}

/** Walks over the segments of a JPEG file (ITU-T T.81, annex B) to its frame header. */
function jpegHeader(view: DataView): ImageHeader | null {
  for (let at = 2; at + 9 <= view.byteLength;) {
    if (view.getUint8(at) !== 0xff) return null;
    const marker = view.getUint8(at + 1);
    // SOF0 to SOF15, but for the tables C4 and CC and the reserved C8.
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      return { kind: "jpeg", height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    }
    const fill = marker === 0xff, alone = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
    at += fill ? 1 : alone ? 2 : 2 + view.getUint16(at + 2);
  }
  return null;
}
