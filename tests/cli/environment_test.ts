import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import project from "../../deno.json" with { type: "json" };
import { currentCommit, defaultRunPath, version } from "../../src/cli/environment.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { fileTest } from "../support/file_test.ts";

const one = "1".repeat(40), two = "2".repeat(40);

Deno.test("version is the package's", () => assert.equal(version, project.version));

Deno.test("defaultRunPath names job and second", () => {
  assert.equal(defaultRunPath("digits", new Date("2026-02-03T04:05:06.789Z")), "runs/digits-2026-02-03-040506");
});

const repositories: [what: string, files: Record<string, string>, commit: string | null][] = [
  ["a branch", { HEAD: "ref: refs/heads/main\n", "refs/heads/main": `${one}\n` }, one],
  ["a packed branch", {
    HEAD: "ref: refs/heads/main\n",
    "packed-refs": `# pack-refs with: peeled\n${two} refs/heads/other\n${one} refs/heads/main\n`,
  }, one],
  ["a commit without branch", { HEAD: `${two}\n` }, two],
  ["a repository without commits", { HEAD: "ref: refs/heads/main\n" }, null],
  ["no repository", {}, null],
];
for (const [what, files, commit] of repositories) {
  await fileTest(`currentCommit: ${what}`, () =>
    withTemporaryFolder(async (folder) => {
      await Deno.mkdir(`${folder}/.git/refs/heads`, { recursive: true });
      for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/.git/${name}`, text);
      assert.equal(await currentCommit(pathToFileURL(`${folder}/`)), commit);
    }));
}

Deno.test("currentCommit: null for a package that came over the network", async () => {
  assert.equal(await currentCommit(new URL("https://example.org/stipple/")), null);
});
