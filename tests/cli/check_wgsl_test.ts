import assert from "node:assert/strict";
import { checkWgsl, kernelSources } from "../../src/cli/check_wgsl.ts";
import { ChromiumMissing, compilerPage, expectNoMessages, readOutcome } from "../../src/cli/chromium_wgsl.ts";
import { UserError } from "../../src/error.ts";
import { fileTest } from "../support/file_test.ts";

const dump = (outcome: unknown) => `<html><pre>${encodeURIComponent(JSON.stringify(outcome))}</pre></html>`;

Deno.test("a compiler's message is shown at the place its line comes from", () => {
  const messages = readOutcome(
    dump({ messages: [{ source: 1, type: "error", line: 2, text: "unresolved value '<'" }] }),
  );
  const sources = [{ code: "", lines: [] }, { code: "a\nb", lines: ["lib/reduce.wgsl:1", "softmax.wgsl:7"] }];
  const complaint = "Chromium's compiler wanted standard WGSL, and complains";
  assert.throws(
    () => expectNoMessages(sources, messages),
    new UserError(`${complaint} 1 times:\nsoftmax.wgsl:7: error: unresolved value '<'`),
  );
  assert.throws(
    () => expectNoMessages(sources, [...messages, { source: 0, type: "error", line: 0, text: "too deep" }]),
    new UserError(`${complaint} 2 times:\nsoftmax.wgsl:7: error: unresolved value '<'\n?: error: too deep`),
  );
  expectNoMessages(sources, []);
});

Deno.test("a page that failed or never finished is an error", () => {
  assert.throws(
    () => readOutcome(dump({ failure: "no WebGPU adapter in the browser" })),
    new UserError("Chromium cannot compile WGSL: no WebGPU adapter in the browser"),
  );
  const unfinished = new UserError(
    "Chromium gave no result: wanted the outcome of the WGSL check, its page did not finish",
  );
  assert.throws(() => readOutcome("<pre></pre>"), unfinished);
  assert.throws(() => readOutcome(""), unfinished);
});

Deno.test("no shader text can end the page's script", () => {
  const page = compilerPage(["// </script><script>alert(1)"]);
  assert.equal(page.match(/<\/script>/g)?.length, 1);
});

Deno.test("the check tells how many kernels compile", async () => {
  const sources = [{ code: "", lines: [] }];
  assert.equal(await checkWgsl(sources, () => Promise.resolve([]), true), "1 kernels compile in Chromium");
});

Deno.test("a missing Chromium is named with the command that installs it, and is an error where it is required", async () => {
  const compile = () => Promise.reject(new ChromiumMissing());
  const line =
    "No chromium on the PATH: the WGSL check needs it; on Debian install it with `apt-get install -y chromium`";
  assert.equal(await checkWgsl([], compile, false), `Skipped. ${line}`);
  await assert.rejects(checkWgsl([], compile, true), { name: "UserError", message: line });
});

await fileTest("kernels are collected from folders, without the library", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/lib`);
    await Deno.mkdir(`${folder}/nn`);
    const kernel = "@compute @workgroup_size(1) fn main() {}\n";
    for (const name of ["b.wgsl", "nn/a.wgsl", "lib/x.wgsl", "note.txt"]) {
      await Deno.writeTextFile(`${folder}/${name}`, kernel);
    }
    const places = (await kernelSources(folder)).map(({ lines }) => lines[0]);
    assert.deepEqual(places, ["b.wgsl:1", "a.wgsl:1"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
