import type { MetricsRecord } from "../io/metrics_log.ts";
import { type Html, markup } from "./html_template.ts";
import { stepOf } from "./run_record.ts";

/** Kinds of warnings that are listed. */
const mostKinds = 20;

/** The warnings of a run's records, each text once; null where there are none. */
export function warningsBox(records: readonly MetricsRecord[]): Html | null {
  const warned = records.filter(({ warning }) => typeof warning === "string");
  if (warned.length === 0) return null;
  const kinds = [...Map.groupBy(warned, ({ warning }) => String(warning))];
  return markup`<div class="caution"><b>Warnings</b><ul>${
    kinds.slice(0, mostKinds).map(([warning, all]) =>
      markup`<li>${warning} <span class="fine">${places(all)}</span></li>`
    )
  }</ul>${kinds.length > mostKinds ? markup`${kinds.length - mostKinds} more are in metrics.jsonl` : null}</div>`;
}

/** `grpo, step 3` or `grpo, step 3 to 90, 12 times`. */
function places(records: readonly MetricsRecord[]): string {
  const [first, last] = [records[0]!, records.at(-1)!].map(stepOf);
  const phase = String(records[0]!.phase ?? "");
  const range = first === undefined ? "" : `step ${first}${last !== first && last !== undefined ? ` to ${last}` : ""}`;
  return [phase, range, records.length > 1 ? `${records.length} times` : ""].filter(Boolean).join(", ");
}
