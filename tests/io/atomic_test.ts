import assert from "node:assert/strict";
import { removeLeftovers, writeFileAtomic } from "../../src/io/atomic.ts";
import { readBytes } from "../../src/io/file_error.ts";
import { fileTest } from "../support/file_test.ts";
import { withTemporaryFolder } from "./temporary_folder.ts";
import { assertUserError } from "./user_error.ts";

await fileTest(
  "atomic: a write replaces the file and leaves nothing beside it",
  () =>
    withTemporaryFolder(async (folder) => {
      const path = `${folder}/a`;
      await writeFileAtomic(path, new Uint8Array([1, 2, 3]));
      await writeFileAtomic(path, new Uint8Array([4]));
      assert.deepEqual(await readBytes(path), new Uint8Array([4]));
      assert.deepEqual((await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name), ["a"]);
    }),
);

await fileTest(
  "atomic: a reader that has the old file open keeps the old bytes",
  () =>
    withTemporaryFolder(async (folder) => {
      const path = `${folder}/a`;
      await writeFileAtomic(path, new Uint8Array([1, 2, 3]));
      using reader = await Deno.open(path);
      await writeFileAtomic(path, new Uint8Array([9, 9, 9]));
      const seen = new Uint8Array(3);
      await reader.read(seen);
      assert.deepEqual(seen, new Uint8Array([1, 2, 3]));
    }),
);

await fileTest(
  "atomic: a write that fails leaves the old state and no temporary file",
  () =>
    withTemporaryFolder(async (folder) => {
      await Deno.mkdir(`${folder}/taken`);
      const bytes = new Uint8Array([1]);
      await assertUserError(
        () => writeFileAtomic(`${folder}/taken`, bytes),
        `Cannot write ${folder}/taken: it is a folder, not a file`,
      );
      await assertUserError(
        () => writeFileAtomic(`${folder}/no/a`, bytes),
        `Cannot write ${folder}/no/a: its folder does not exist; create it first`,
      );
      assert.deepEqual((await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name), ["taken"]);
      await writeFileAtomic(`${folder}/file`, bytes);
      await assertUserError(
        () => readBytes(`${folder}/file/a`),
        `Cannot read ${folder}/file/a: a part of the path is a file, not a folder`,
      );
    }),
);

Deno.test({
  name: "atomic: a path that Deno may not touch is refused in one line",
  permissions: { read: false, write: false },
  fn: () =>
    assertUserError(
      () => readBytes("/somewhere"),
      "Cannot read /somewhere: permission denied; check its mode and the command's --allow flags",
    ),
});

await fileTest(
  "atomic: what a killed write left behind is removed, and nothing else",
  () =>
    withTemporaryFolder(async (folder) => {
      for (const name of [`.${crypto.randomUUID()}.tmp`, "a.tmp", ".hidden"]) {
        await Deno.writeFile(`${folder}/${name}`, new Uint8Array(3));
      }
      await removeLeftovers(folder);
      const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
      assert.deepEqual(names, [".hidden", "a.tmp"]);
    }),
);
