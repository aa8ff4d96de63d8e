import type { Section } from "./html_page.ts";
import { searchTable } from "./policy_report_search.ts";
import { seedsTable } from "./policy_report_seeds.ts";
import { screeningTable } from "./policy_report_screening.ts";
import { tuningTable } from "./policy_report_tuning.ts";
import type { PolicyEvaluation } from "./run_record.ts";

/** What a whole evaluation holds besides the comparison: sections for what is there, none after a quick one. */
export function evaluationDetails(evaluation: PolicyEvaluation): Section[] {
  const parts = [
    { id: "seeds", title: "Seed by seed", body: seedsTable(evaluation) },
    { id: "search", title: "What the order can gain", body: searchTable(evaluation) },
    { id: "screening", title: "All rules made by hand", body: screeningTable(evaluation) },
    { id: "tuning", title: "Guidance and temperature", body: tuningTable(evaluation) },
  ];
  return parts.flatMap(({ body, ...part }) => body ? [{ ...part, body }] : []);
}
