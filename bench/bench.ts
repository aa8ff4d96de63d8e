/**
 * `deno task bench`: kernels, training steps, decoding and scaling on this machine's adapter, alone or beside other
 * libraries; and the comparison of two recorded runs.
 *
 * @module
 */
import { runCommand } from "../src/cli/command.ts";
import { benchCommand } from "./bench_command.ts";

if (import.meta.main) await runCommand("bench", benchCommand);
