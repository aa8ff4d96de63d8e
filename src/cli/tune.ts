/**
 * `deno task tune`: measures the kernels of heavy ops on this machine's adapter and keeps the fastest for all commands.
 *
 * @module
 */
import { runCommand } from "./command.ts";
import { tuneCommand } from "./tune_command.ts";

if (import.meta.main) await runCommand("tune", tuneCommand);
