import assert from "node:assert/strict";
import { zipSync } from "fflate";
import { memorySource } from "../../src/io/byte_source.ts";
import { ZipArchive } from "../../src/io/zip.ts";
import { assertUserError } from "./user_error.ts";
import { zip64Archive } from "./zip64_archive.ts";

const bytes = Uint8Array.from({ length: 300 }, (_, i) => i % 7);

const open = (archive: Uint8Array<ArrayBuffer>) => new ZipArchive(memorySource(archive, "a.zip"));
function unzip(archive: Uint8Array<ArrayBuffer>): Record<string, Uint8Array> {
  const zip = open(archive);
  return Object.fromEntries([...zip.entries].map(([name, entry]) => [name, zip.read(entry)]));
}

/** `archive` with `values` at byte `at`. */
function edited(archive: Uint8Array<ArrayBuffer>, at: number, ...values: number[]): Uint8Array<ArrayBuffer> {
  const copy = archive.slice();
  copy.set(values, at);
  return copy;
}

Deno.test("zip: stored and deflated files come back, whole or their first bytes", () => {
  const archive = zipSync({ stored: [bytes, { level: 0 }], deflated: [bytes, { level: 9 }], empty: new Uint8Array(0) });
  assert.deepEqual(unzip(archive), { stored: bytes, deflated: bytes, empty: new Uint8Array(0) });
  const zip = open(archive);
  assert.equal(zip.unpackedBytes, 600);
  for (const name of ["stored", "deflated"]) {
    assert.deepEqual([...zip.read(zip.entries.get(name)!, 9)], [0, 1, 2, 3, 4, 5, 6, 0, 1], name);
  }
});

Deno.test("zip: a deflated file of many steps comes back", () => {
  const noise = Uint8Array.from({ length: 200_000 }, (_, i) => (i * i * 31 + i) >> 3);
  assert.deepEqual(unzip(zipSync({ noise: [noise, { level: 6 }] })), { noise });
});

Deno.test("zip: ZIP64 records are read where the plain fields say so", () => {
  assert.deepEqual(unzip(zip64Archive("a", bytes)), { a: bytes });
});

Deno.test("zip: ZIP64 records that lie are refused", async () => {
  const archive = zip64Archive("a", bytes);
  const fromEnd = (distance: number) => archive.length - distance;
  const damaged = "Cannot unpack a.zip: its directory is damaged";
  const locator = 22 + 20, end64 = locator + 56, entry = end64 + 46 + 1 + 28, extra = entry - 47;
  for (
    const [at, value] of [
      [fromEnd(locator), 0], // no locator
      [fromEnd(locator) + 12, 1], // the end record 2^32 bytes on
      [fromEnd(end64), 0], // no end record there
      [fromEnd(end64) + 55, 255], // a directory that begins beyond 2^63
      [fromEnd(extra) + 2, 8], // room for one of the three values
      [fromEnd(extra), 9], // no ZIP64 field
    ] as const
  ) await assertUserError(() => unzip(edited(archive, at, value)), damaged);
  await assertUserError(
    () => unzip(edited(archive, fromEnd(extra) + 4 + 7, 1)),
    `Cannot unpack a.zip: "a" is stored in 300 bytes and claims to have ${2 ** 56 + 300}`,
  );
});

Deno.test("zip: a bomb is refused before it unpacks", async () => {
  const bomb = zipSync({ zeros: [new Uint8Array(2 ** 24 + 1), { level: 9 }] });
  await assertUserError(
    () => open(bomb),
    `Cannot unpack a.zip: it has ${bomb.length} bytes and claims to unpack to over 16777216`,
  );
  // One that claims less than it holds is cut off, and refused.
  const directory = bomb.length - 22 - 46 - "zeros".length;
  await assertUserError(
    () => unzip(edited(bomb, directory + 24, 5, 0, 0, 0)),
    'Cannot unpack a.zip: "zeros" has 16777217 bytes, not the 5 it claims',
  );
});

Deno.test("zip: archives whose directory lies are refused", async () => {
  const archive = zipSync({ a: [bytes, { level: 0 }], b: [bytes, { level: 0 }] });
  const end = archive.length - 22, second = end - 47, first = second - 47; // entries of 46 bytes and a name of one
  const local = 31 + 300; // a local header of 30 bytes, a name of one, the file
  const cases: [Uint8Array<ArrayBuffer>, string][] = [
    [edited(archive, second + 46, 0x61), 'it holds "a" twice'],
    [edited(archive, second + 24, 0x2d, 0x01), '"b" is stored in 300 bytes and claims to have 301'],
    [edited(archive, second + 8, 1), '"b" is encrypted'],
    [edited(archive, second + 10, 99), '"b" is packed by method 99; re-save it stored or deflated'],
    [edited(archive, second + 42, 30, 0), '"b" begins at byte 30, inside the file that ends at 331'],
    [edited(archive, second + 42, local + 1), `"b" is not at byte ${local + 1}, where the directory says`],
    [edited(archive, second + 42, 0xff, 0xff), '"b" begins at byte 65535, after the files'],
    [
      edited(archive, second + 20, 0x90, 0x01, 0, 0, 0x90, 0x01),
      `"b" ends at byte ${local + 31 + 400}, after the files, which end at ${first}`,
    ],
    [
      edited(archive, first + 20, 0x90, 0x01, 0, 0, 0x90, 0x01),
      `"b" begins at byte ${local}, inside the file that ends at 431`,
    ],
    [edited(archive, local + 30, 0x63), `"b" is not at byte ${local}, where the directory says`],
    [edited(archive, end + 10, 3), "its directory is damaged"],
    [edited(archive, end + 10, 1), "its directory is damaged"],
    [edited(archive, second + 28, 0xff), "its directory is damaged"],
    [edited(archive, end + 16, 0xff, 0xff), "its directory is damaged"],
    [edited(archive, end + 10, 0xff, 0xff), "its directory is damaged"], // a ZIP64 archive without its records
    [archive.slice(0, -1), "the archive is damaged or cut short"],
    [archive.slice(0, 400), "the archive is damaged or cut short"],
    [new Uint8Array(0), "the archive is damaged or cut short"],
  ];
  for (const [lie, reason] of cases) await assertUserError(() => unzip(lie), `Cannot unpack a.zip: ${reason}`);
});

Deno.test("zip: damaged and huge contents are refused", async () => {
  const archive = zipSync({ d: [bytes, { level: 9 }] });
  await assertUserError(
    () => unzip(edited(archive, 31, 0xff)),
    'Cannot unpack a.zip: "d" is damaged',
  );
  const huge = { name: "a.zip", size: 2 ** 30, read: (_: number, length: number) => new Uint8Array(length) };
  const end = zipSync({}).slice(-22);
  new DataView(end.buffer).setUint32(12, 2 ** 25, true);
  await assertUserError(
    () =>
      new ZipArchive({
        ...huge,
        read: (_, length) => Uint8Array.from({ length }, (_, i) => end[i - length + 22] ?? 0),
      }),
    `Cannot unpack a.zip: its directory has ${2 ** 25} bytes, more than the 16777216 allowed`,
  );
});
