import assert from "node:assert/strict";
import type { Command } from "commander";
import { commandStatus } from "../../src/cli/command.ts";
import { UserError } from "../../src/error.ts";

async function run(args: string[], action: () => void = () => {}): Promise<{ status: number; notes: string[] }> {
  const notes: string[] = [];
  const build = (program: Command) =>
    void program.argument("[config]", "a file").option("--steps <n>", "how many").action(action);
  return { status: await commandStatus("train", build, args, (text) => notes.push(text)), notes };
}

Deno.test("a command that ends well has status 0 and says nothing", async () => {
  assert.deepEqual(await run(["a.yaml", "--steps", "3"]), { status: 0, notes: [] });
});

const misuses: [args: string[], line: string][] = [
  [
    ["--stpes", "3"],
    "error: unknown option '--stpes' (Did you mean --steps?); deno task train --help lists the options",
  ],
  [["--steps"], "error: option '--steps <n>' argument missing; deno task train --help lists the options"],
  [
    ["a", "b"],
    "error: too many arguments. Expected 1 argument but got 2: a, b; deno task train --help lists the options",
  ],
];
for (const [args, line] of misuses) {
  Deno.test(`misuse is one line and status 2: ${args.join(" ")}`, async () => {
    assert.deepEqual(await run(args), { status: 2, notes: [line] });
  });
}

Deno.test("a UserError is one line without a stack and status 2", async () => {
  const outcome = await run([], () => {
    throw new UserError("Cannot find it: look elsewhere");
  });
  assert.deepEqual(outcome, { status: 2, notes: ["error: Cannot find it: look elsewhere"] });
});

Deno.test("any other error keeps its stack and its cause and has status 1", async () => {
  const { status, notes } = await run([], () => {
    throw new Error("a bug", { cause: new TypeError("its root") });
  });
  assert.equal(status, 1);
  assert.match(notes.join("\n"), /a bug[^]*command_test\.ts:\d+[^]*its root/);
});
