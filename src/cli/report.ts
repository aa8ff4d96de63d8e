/**
 * `deno task report RUN`: one page about a run, as far as it is.
 *
 * @module
 */
import { runCommand } from "./command.ts";
import { reportCommand } from "./report_command.ts";

if (import.meta.main) await runCommand("report", reportCommand);
