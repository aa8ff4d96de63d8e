/**
 * `deno task parity DIR...`: checks reference cases, one line a case; see tests/fixtures/README.md for their form.
 *
 * @module
 */
import { runCommand } from "./command.ts";
import { checkCases } from "./parity/check_cases.ts";
import { noteLine, printLine } from "./terminal.ts";

async function parity(folders: readonly string[]): Promise<void> {
  const status = await checkCases(folders, { print: printLine, note: noteLine });
  if (status) Deno.exit(status);
}

if (import.meta.main) {
  await runCommand("parity", (program) =>
    void program
      .description(
        "Checks reference cases; exits with 1 where one misses its tolerance, with 2 where one cannot be run",
      )
      .argument("<DIR...>", "case folders, or folders of case folders")
      .action(parity));
}
