import { UserError } from "../../error.ts";
import { Device } from "../../tensor/device.ts";
import { compareOutputs } from "./compare.ts";
import { runCase } from "./kinds.ts";
import { findCases, readCase } from "./reference_case.ts";
import { tunedTable } from "../tuning_file.ts";

/** Where the lines go: results, and errors of the user. */
export interface Lines {
  print(text: string): void;
  note(text: string): void;
}

/**
 * Checks the cases of folders, one line each, and resolves to the exit status: 0 where all pass, 1 where one misses, 2
 * where one cannot be run. A case that cannot be run does not keep the others from being checked.
 *
 * @param folders case folders, or folders of case folders.
 * @throws {UserError} for a folder without cases, before anything is run.
 */
export async function checkCases(folders: readonly string[], { print, note }: Lines): Promise<0 | 1 | 2> {
  const cases = (await Promise.all(folders.map(findCases))).flat();
  const width = Math.max(...cases.map(({ length }) => length));
  const device = await Device.open({ choose: tunedTable });
  let missed = false, broken = false;
  for (const folder of cases) {
    try {
      const given = await readCase(folder);
      const { error, output, passed } = compareOutputs(given, await runCase(device, given));
      const worst = `worst ${error.toExponential(1)} in ${output}, tolerance ${given.tolerance}`;
      print(`${folder.padEnd(width)}  ${given.kind}  ${worst}  ${passed ? "pass" : "FAIL"}`);
      missed ||= !passed;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      note(`error: ${folder}: ${error.message}`);
      broken = true;
    }
  }
  device.destroy();
  return broken ? 2 : missed ? 1 : 0;
}
