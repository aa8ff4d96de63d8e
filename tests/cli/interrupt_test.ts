import assert from "node:assert/strict";

/** A program that says when it is ready, then runs until it is told to stop; `patient` ignores the request. */
const script = (patient: boolean) => `
  import { onInterrupt } from ${JSON.stringify(new URL("../../src/cli/command.ts", import.meta.url).href)};
  using interrupt = onInterrupt(() => console.log("stopping"));
  console.log("ready");
  while (${patient} || !interrupt.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 10));
  console.log("stopped");
`;

const granted = (await Deno.permissions.query({ name: "run", command: "deno" })).state === "granted";
const options = { ignore: !granted };
const suffix = granted ? "" : " (skipped: needs --allow-run=deno)";

Deno.test("the first Ctrl-C stops in order" + suffix, options, async () => {
  const { lines, status } = await interrupted(false, ["ready"]);
  assert.deepEqual(lines, ["ready", "stopping", "stopped"]);
  assert.equal(status, 0);
});

Deno.test("the second Ctrl-C exits with 130" + suffix, options, async () => {
  const { lines, status } = await interrupted(true, ["ready", "stopping"]);
  assert.deepEqual(lines, ["ready", "stopping"]);
  assert.equal(status, 130);
});

/** Runs the script and presses Ctrl-C each time that one of `cues` is printed. */
async function interrupted(patient: boolean, cues: string[]): Promise<{ lines: string[]; status: number }> {
  const child = new Deno.Command("deno", {
    args: ["eval", "--no-lock", script(patient)],
    stdout: "piped",
    stderr: "null",
    cwd: new URL("../..", import.meta.url),
  }).spawn();
  let text = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    for (const line of chunk.split("\n")) if (cues.includes(line)) child.kill("SIGINT");
    text += chunk;
  }
  return { lines: text.trimEnd().split("\n"), status: (await child.status).code };
}
