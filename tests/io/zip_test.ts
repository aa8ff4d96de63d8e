import assert from "node:assert/strict";
import { zipSync } from "fflate";
import { unzip } from "../../src/io/zip.ts";
import { assertUserError } from "./user_error.ts";

const bytes = Uint8Array.from({ length: 300 }, (_, i) => i % 7);

Deno.test("zip: stored and deflated files come back in buffers of their own", () => {
  const files = unzip(zipSync({ stored: [bytes, { level: 0 }], deflated: [bytes, { level: 9 }] }), "a.zip");
  assert.deepEqual([...files], [["stored", bytes], ["deflated", bytes]]);
  assert.equal(files.get("stored")!.buffer.byteLength, bytes.length);
});

Deno.test("zip: a bomb is refused before it unpacks", async () => {
  const bomb = zipSync({ zeros: [new Uint8Array(2 ** 24 + 1), { level: 9 }] });
  await assertUserError(
    () => unzip(bomb, "a.zip"),
    `Cannot unpack a.zip: it has ${bomb.length} bytes and claims to unpack to over 16777216`,
  );
});

Deno.test("zip: archives whose directory lies are refused", async () => {
  const archive = zipSync({ a: [bytes, { level: 0 }], b: [bytes, { level: 0 }] });
  const second = archive.length - 22 - 47; // directory entries of 46 bytes and a name of one; 22 bytes end the archive
  const edit = (at: number, values: number[]) => {
    const copy = archive.slice();
    copy.set(values, at);
    return copy;
  };
  const twice = edit(second + 46, [0x61]);
  await assertUserError(() => unzip(twice, "a.zip"), 'Cannot unpack a.zip: it holds "a" twice');
  const longer = edit(second + 24, [0x2d, 0x01]);
  await assertUserError(() => unzip(longer, "a.zip"), 'Cannot unpack a.zip: "b" has 300 bytes, not the 301 it claims');
  const more = edit(archive.length - 14, [3]);
  await assertUserError(() => unzip(more, "a.zip"), "Cannot unpack a.zip: its directory is damaged");
  const unknown = edit(second + 10, [99]);
  await assertUserError(() => unzip(unknown, "a.zip"), "Cannot unpack a.zip: the archive is damaged or cut short");
});
