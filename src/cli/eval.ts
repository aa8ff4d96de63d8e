/**
 * `deno task eval`: a decoding policy against rules made by hand (`--run RUN`), or pictures against a reference
 * (`--metrics LIST --reference REF SAMPLES`).
 *
 * @module
 */
import { runCommand } from "./command.ts";
import { evalCommand } from "./eval_command.ts";

if (import.meta.main) await runCommand("eval", evalCommand);
