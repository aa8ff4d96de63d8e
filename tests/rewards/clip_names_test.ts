import assert from "node:assert/strict";
import fc from "fast-check";
import { parseClassNames, readClassNames } from "../../src/rewards/clip_names.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { assertUserError, tolerateUserError } from "../io/user_error.ts";
import { fileTest } from "../support/file_test.ts";

await fileTest("readClassNames: one a line, however lines end", () =>
  withTemporaryFolder(async (folder) => {
    const file = `${folder}/names.txt`;
    for (const text of ["zwölf\n big bird \ncat", "\ufeffzwölf\r\nbig bird\r\ncat\r\n"]) {
      await Deno.writeTextFile(file, text);
      assert.deepEqual(await readClassNames(file, 3), ["zwölf", "big bird", "cat"]);
    }
  }));

await fileTest(
  "readClassNames refuses blank lines, too few and too many, and what is no text, in one line",
  () =>
    withTemporaryFolder(async (folder) => {
      const file = `${folder}/names.txt`;
      const refused = async (content: string | Uint8Array, found: string) => {
        await Deno.writeFile(file, typeof content === "string" ? new TextEncoder().encode(content) : content);
        await assertUserError(
          () => readClassNames(file, 2),
          `Cannot read ${file}: ${found}; wanted 2 class names, one a line`,
        );
      };
      await refused("cat\n", "it has 1 line");
      await refused("", "it has 0 lines");
      await refused("cat\ndog\nbird", "it has 3 lines");
      await refused("cat\ndog\n\n", "it has 3 lines");
      await refused(" \ndog\n", "line 1 is blank");
      await refused(`cat\n${"dog".repeat(200)}`, "line 2 has 600 characters");
      await refused(Uint8Array.of(0x63, 0xff, 0x0a, 0x64), "it is no UTF-8 text");
      await assertUserError(
        () => readClassNames(`${folder}/none.txt`, 2),
        `Cannot read ${folder}/none.txt: there is no such file`,
      );
    }),
);

Deno.test("parseClassNames: any bytes are that many names, or refused in one line", () => {
  const line = fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom("cat", "\u2028", "\0"));
  const text = fc.array(line, { maxLength: 4 }).map((lines) => new TextEncoder().encode(lines.join("\n")));
  fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 8 }), text), (bytes) =>
    tolerateUserError(() => {
      const names = parseClassNames(bytes, "names.txt", 2);
      assert.equal(names.length, 2);
      assert.ok(names.every((name) => name !== "" && !/[\r\n]/.test(name)));
    })));
});
