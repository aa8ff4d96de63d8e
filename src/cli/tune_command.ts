import type { Command } from "commander";
import { openAdapter, type OpenedAdapter } from "../gpu/adapter.ts";
import { adapterClass, defaultTable, type HeavyOp, kernelFamilies, type KernelTable } from "../gpu/kernel_table.ts";
import { UserError } from "../error.ts";
import { noteLine, printLine } from "./terminal.ts";
import { fastest, measure, type Measurement, mostError } from "./tune_measure.ts";
import { type TuningCase, tuningCases } from "./tuning_cases.ts";
import { saveTable, tuningPath } from "./tuning_file.ts";

/** Declares `deno task tune`. */
export function tuneCommand(program: Command): void {
  program
    .description("Measures the kernels of heavy ops on this machine's adapter; commands use the fastest from then on.")
    .action(async () => {
      if (tuningPath === null) throw new UserError("Cannot keep choices of kernels: wanted a checkout, got a package");
      const adapter = await openAdapter();
      noteLine(`Measuring kernels on ${adapter.name}, class ${adapterClass(adapter)}; other work disturbs the times`);
      await tune(adapter, tuningCases(adapter), tuningPath, printLine);
      adapter.device.destroy();
    });
}

/** Measures the cases, prints a table, and keeps the fastest kernels in the file at `path`. */
export async function tune(
  adapter: OpenedAdapter,
  cases: readonly TuningCase[],
  path: string,
  print: (line: string) => void,
): Promise<KernelTable> {
  const defaults = defaultTable(adapter);
  const chosen: Record<string, string> = { ...defaults };
  print(row("op", "work", "kernels", "ms", "x plain", "difference"));
  for (const op of Object.keys(kernelFamilies) as HeavyOp[]) {
    const measured: Measurement[][] = [];
    for (const work of cases.filter((each) => each.op === op)) {
      const found = await measure(adapter, defaults, work);
      for (const line of linesOf(work, found)) print(line);
      measured.push(found);
    }
    if (measured.length) chosen[op] = fastest(measured);
  }
  const table = chosen as KernelTable;
  const ops = Object.keys(kernelFamilies) as HeavyOp[];
  for (const op of ops) {
    print(`${op.padEnd(13)} ${table[op]}${table[op] === defaults[op] ? "" : `, by default ${defaults[op]}`}`);
  }
  await saveTable(adapter, table, path);
  print(`Kept in ${path}; delete it to go back to the defaults`);
  return table;
}

function linesOf({ op, name }: TuningCase, found: readonly Measurement[]): string[] {
  const plain = found[0]!.milliseconds;
  return found.map(({ family, milliseconds, error }) => {
    const verdict = error <= mostError ? error.toExponential(1) : `${error.toExponential(1)} wrong, not used`;
    return row(op, name, family, milliseconds.toFixed(3), (plain / milliseconds).toFixed(2), verdict);
  });
}

function row(op: string, work: string, family: string, time: string, speed: string, difference: string): string {
  const cells = [op.padEnd(13), work.padEnd(44), family.padEnd(9), time.padStart(9), speed.padStart(8), difference];
  return cells.join(" ");
}
