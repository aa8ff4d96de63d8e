/**
 * `deno task eval --run RUN`: a decoding policy against rules made by hand.
 *
 * @module
 */
import { runCommand } from "./command.ts";
import { evalCommand } from "./eval_command.ts";

if (import.meta.main) await runCommand("eval", evalCommand);
