/**
 * A zip archive of one stored file, every size and offset in ZIP64 records, as archives beyond 4 GiB have them:
 * local header, file, directory entry with an extra field of 28 bytes, end record 64, locator, end record.
 */
export function zip64Archive(name: string, file: Uint8Array): Uint8Array<ArrayBuffer> {
  const title = [...new TextEncoder().encode(name)];
  const length = [...le(title.length, 2)];
  const large = [0xff, 0xff, 0xff, 0xff], sizes = [...le(file.length, 8), ...le(file.length, 8)];
  const local = [
    ...[...le(0x04034b50, 4), ...le(45, 2), ...le(0, 12), ...large, ...large, ...length, ...le(20, 2), ...title],
    ...[...le(1, 2), ...le(16, 2), ...sizes],
  ];
  const directory = [
    ...[...le(0x02014b50, 4), ...le(45, 2), ...le(45, 2), ...le(0, 12), ...large, ...large, ...length],
    ...[...le(28, 2), ...le(0, 10), ...large, ...title, ...le(1, 2), ...le(24, 2), ...sizes, ...le(0, 8)],
  ];
  const start = local.length + file.length;
  const end64 = [
    ...[...le(0x06064b50, 4), ...le(44, 8), ...le(45, 2), ...le(45, 2), ...le(0, 8), ...le(1, 8), ...le(1, 8)],
    ...[...le(directory.length, 8), ...le(start, 8)],
  ];
  const locator = [...le(0x07064b50, 4), ...le(0, 4), ...le(start + directory.length, 8), ...le(1, 4)];
  const end = [...le(0x06054b50, 4), ...le(0, 4), 0xff, 0xff, 0xff, 0xff, ...large, ...large, ...le(0, 2)];
  return Uint8Array.from([...local, ...file, ...directory, ...end64, ...locator, ...end]);
}

/** `value` in `bytes` little-endian bytes. */
function le(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => Math.floor(value / 2 ** (8 * i)) % 256);
}
