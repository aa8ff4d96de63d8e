/**
 * `deno task inspect FILE`: lists what a weight file or an `.npz` holds, without reading or running any of it.
 *
 * @module
 */
import { runCommand } from "./command.ts";
import { inspectCommand } from "./inspect_command.ts";

if (import.meta.main) await runCommand("inspect", inspectCommand);
