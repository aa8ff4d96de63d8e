import type { Command } from "commander";
import { RunDirectory } from "../io/run_directory.ts";
import { writeReport } from "../report/policy_report.ts";
import { printLine } from "./terminal.ts";

/** Declares `deno task report`: rebuilds a run's report.html; its path goes to `print`. */
export function reportCommand(program: Command, print: (line: string) => void = printLine): void {
  program
    .description(
      "Writes report.html into a run: results, curves, pictures and settings on one page, as far as they are.",
    )
    .argument("<RUN>", "folder of a run, finished or not; its report.html is replaced")
    .action(async (path: string) => print(await writeReport(await RunDirectory.open(path))));
}
