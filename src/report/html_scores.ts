import { z } from "zod";
import { fromJson } from "../io/json.ts";
import { digits3, several, short, withInterval } from "./html_numbers.ts";
import { type Html, markup } from "./html_template.ts";

const numeric = z.custom<number>((value) => typeof value === "number");
const scoresSchema = z.record(z.string(), z.object({ value: numeric, low: numeric, high: numeric }));
const comparisonSchema = z.object({
  samples: numeric,
  comparison: z.array(z.object({
    name: z.string(),
    target_steps: numeric,
    mean_steps: numeric,
    milliseconds: numeric,
    scores: scoresSchema,
    /** What the same noise earns more than by ARPG's rule, or than by the published weights of a LlamaGen. */
    above_arpg: scoresSchema.optional(),
    above_published: scoresSchema.optional(),
  })).min(1),
});

const names: Readonly<Record<string, string>> = {
  policy: "policy",
  arpg: "ARPG's rule",
  published: "published weights",
};

/**
 * Measures of single pictures for every way to paint, from the text of an eval.json of the form
 * `{samples, comparison: [..]}`; null for another form.
 */
export function scoresTable(text: string): Html | null {
  const found = comparisonSchema.safeParse(jsonOf(text)).data;
  if (!found) return null;
  const measures = Object.keys(found.comparison[0]!.scores);
  const before = found.comparison.some((way) => way.above_published) ? "published weights" : "ARPG's rule";
  const heads = measures.map((measure) => markup`<th>${measure}</th><th>above ${before}</th>`);
  const rows = found.comparison.map((way) => {
    const { name, target_steps, mean_steps, milliseconds, scores, above_arpg = way.above_published } = way;
    const cells = measures.map((measure) => {
      const [own, gain] = [scores[measure], above_arpg?.[measure]];
      return markup`<td>${own ? withInterval(own, digits3) : "–"}</td><td>${
        gain ? withInterval(gain, digits3) : ""
      }</td>`;
    });
    return markup`<tr><td>${names[name] ?? name}, ${short(target_steps)} steps</td><td>${digits3(mean_steps)}</td><td>${
      digits3(milliseconds)
    }</td>${cells}</tr>`;
  });
  return markup`<div class="scroll"><table class="data"><tr><th>way to paint</th><th>steps</th><th>ms per picture</th>${heads}</tr>${rows}</table></div>
    <p class="fine">Means over ${several(found.samples, "picture")} of the same noise with 95 % bootstrap intervals; the
    gain is that of each picture over the same noise painted by ${before}. The measure <i>held_out_clip</i> is in no
    reward.</p>`;
}

function jsonOf(text: string): unknown {
  try {
    return fromJson(text);
  } catch {
    return null; // the page shows the text
  }
}
