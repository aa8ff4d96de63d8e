import assert from "node:assert/strict";
import { allocate, FileSource, memorySource } from "../../src/io/byte_source.ts";
import { fileTest } from "../support/file_test.ts";
import { withTemporaryFolder } from "./temporary_folder.ts";
import { assertUserError } from "./user_error.ts";

const bytes = Uint8Array.from({ length: 10 }, (_, i) => i);

Deno.test("byte source: memory is read by range, and not beyond its end", async () => {
  const source = memorySource(bytes, "m");
  assert.deepEqual([...source.read(3, 4)], [3, 4, 5, 6]);
  await assertUserError(
    () => source.read(8, 4),
    "Cannot read m: it ends at byte 10, wanted up to 12; is it being written?",
  );
});

Deno.test("byte source: more than fits memory is refused in one line", async () => {
  await assertUserError(
    () => allocate(2 ** 53 - 1, "m"),
    "Cannot read m: 9007199254740991 bytes of it at once do not fit in memory",
  );
});

await fileTest(
  "byte source: a file is read by range, also one that shrinks meanwhile",
  () =>
    withTemporaryFolder(async (folder) => {
      const path = `${folder}/f`;
      await Deno.writeFile(path, bytes);
      using source = await FileSource.open(path);
      assert.equal(source.size, 10);
      assert.deepEqual([...source.read(8, 2), ...source.read(0, 1), ...source.read(10, 0)], [8, 9, 0]);
      const early = (end: number, wanted: number) =>
        `Cannot read ${path}: it ends at byte ${end}, wanted up to ${wanted}; is it being written?`;
      await assertUserError(() => source.read(8, 3), early(10, 11));
      await Deno.truncate(path, 4);
      await assertUserError(() => source.read(2, 8), early(4, 10));
      await assertUserError(() => FileSource.open(folder), `Cannot read ${folder}: it is a folder, not a file`);
      await assertUserError(() => FileSource.open(`${folder}/no`), `Cannot read ${folder}/no: there is no such file`);
    }),
);
