import assert from "node:assert/strict";
import { commandStatus } from "../../src/cli/command.ts";
import { reportCommand } from "../../src/cli/report_command.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { syntheticRun } from "../report/synthetic_run.ts";
import { fileTest } from "../support/file_test.ts";

/** What `deno task report` with these arguments prints and notes. */
async function report(...args: string[]): Promise<{ status: number; lines: string[]; notes: string[] }> {
  const lines: string[] = [], notes: string[] = [];
  const build = (program: Parameters<typeof reportCommand>[0]) => reportCommand(program, (line) => lines.push(line));
  return { status: await commandStatus("report", build, args, (line) => notes.push(line)), lines, notes };
}

await fileTest("report: rebuilds the page of a run and prints its path", () =>
  withTemporaryFolder(async (folder) => {
    const run = await syntheticRun(`${folder}/run`);
    await run.writeText("report.html", "old");
    assert.deepEqual(await report(run.path), { status: 0, lines: [`${run.path}/report.html`], notes: [] });
    assert.match(await Deno.readTextFile(`${run.path}/report.html`), /^<!doctype html>[^]*<\/html>\n$/);
  }));

await fileTest("report: a folder that is no run is one line and status 2", () =>
  withTemporaryFolder(async (folder) => {
    assert.deepEqual(await report(folder), {
      status: 2,
      lines: [],
      notes: [`error: Cannot open the run ${folder}: it has no config.yaml; name a folder that train wrote`],
    });
    const { status, notes } = await report();
    assert.deepEqual([status, notes], [2, [
      "error: missing required argument 'RUN'; deno task report --help lists the options",
    ]]);
  }));
