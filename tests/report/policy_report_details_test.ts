import assert from "node:assert/strict";
import { evaluationDetails } from "../../src/report/policy_report_details.ts";
import type { PolicyEvaluation } from "../../src/report/run_record.ts";
import { Html } from "../../src/report/html_template.ts";
import { found, method, syntheticEvaluation, trial } from "./synthetic_run.ts";

/** Rows of a section as words, what is bold behind a `!`, cells parted by bars, and the whole of it as words. */
function section(id: string, changes: Partial<PolicyEvaluation>): { rows: string[]; words: string } {
  const body = evaluationDetails({ ...syntheticEvaluation(), ...changes }).find((each) => each.id === id)?.body;
  assert.ok(body instanceof Html, `there is a section ${id}`);
  const words = (html: string) =>
    html.replaceAll("<b>", " !").replace(/<[^>]+>/g, " ").replaceAll("&#39;", "'").replace(/\s+/g, " ").replace(
      / (?=[,.:])/g,
      "",
    ).trim();
  const rows = [...body.text.matchAll(/<tr[^]*?<\/tr>/g)].map(([row]) =>
    row.split(/<\/t[hd]>/).map(words).join("|").replace(/\|$/, "")
  );
  return { rows, words: words(body.text) };
}

Deno.test("evaluationDetails: nothing of an evaluation without more than the comparison", () => {
  assert.deepEqual(evaluationDetails(syntheticEvaluation()), []);
  const bare = { tuning: [], screening: [], headroom: [], tuning_samples: 200 };
  assert.deepEqual(evaluationDetails({ ...syntheticEvaluation(), ...bare }), []);
});

Deno.test("evaluationDetails: what there is, in one order", () => {
  const by_seed = { accuracy: [0.9, 0.8], frechet: [50, 60] };
  const all = {
    methods: [method({ by_seed })],
    headroom: [found(), found({ candidates: 4 })],
    screening: [trial({ name: "cosine, halton" })],
    tuning: [trial(), trial({ guidance: 2 })],
  };
  const titles = evaluationDetails({ ...syntheticEvaluation(), ...all }).map(({ title }) => title);
  assert.deepEqual(titles, [
    "Seed by seed",
    "What the order can gain",
    "All rules made by hand",
    "Guidance and temperature",
  ]);
});

Deno.test("seeds: mean, deviation, every seed, and how often below ARPG's rule", () => {
  const rule = method({ by_seed: { accuracy: [0.9, 0.94, 0.92], frechet: [60, 64, 62] } });
  const policy = method({
    name: "policy",
    family: "policy",
    mode: "sampled",
    by_seed: { accuracy: [0.95, 0.95, 0.95], frechet: [50, 70, 48] },
    frechet: { value: 56, low: 50, high: 60 },
  });
  const alone = method({ name: "cosine, halton", family: "hand", target_steps: 4, by_seed: policy.by_seed! });
  const { rows } = section("seeds", { methods: [rule, policy, alone], seeds: [7, 8, 9] });
  assert.deepEqual(rows, [
    "method|Frechet, mean|deviation|seed 7|seed 8|seed 9|below ARPG's rule|accuracy, mean|deviation",
    "target of 4 steps",
    "cosine, halton|56.0|12.2|50.0|70.0|48.0||95.0 %|0.0 %",
    "target of 8 steps",
    "policy, sampled|56.0|12.2|50.0|70.0|48.0|2 of 3|95.0 %|0.0 %",
    "arccos, random|62.0|2.00|60.0|64.0|62.0||92.0 %|2.0 %",
  ]);
  const many = Array.from({ length: 9 }, (_, i) => 50 + i);
  const by_seed = { accuracy: many.map(() => 0.9), frechet: many };
  const { rows: [head, , row] } = section("seeds", { methods: [method({ by_seed })], seeds: many });
  assert.equal(head, "method|Frechet, mean|deviation|below ARPG's rule|accuracy, mean|deviation");
  assert.equal(row, "arccos, random|54.0|2.74||90.0 %|0.0 %");
});

Deno.test("seeds: none of a single one, or of an evaluation that did not keep them", () => {
  const one = method({ by_seed: { accuracy: [0.9], frechet: [50] } });
  for (const each of [one, method()]) {
    assert.deepEqual(evaluationDetails({ ...syntheticEvaluation(), methods: [each] }), []);
  }
});

Deno.test("search: the best of several orders against one, by steps", () => {
  const headroom = [
    ...[found({ steps: 3 }), found({ steps: 3, candidates: 4, reward: 0.65, accuracy: 0.95, frechet: 60 })],
    ...[found(), found({ candidates: 4, frechet: 84 })],
    found({ steps: 25 }),
  ];
  const { rows, words } = section("search", { headroom });
  assert.deepEqual(rows, [
    "steps|orders|mean reward|Frechet|against one order|accuracy",
    "3|one, ARPG's own rule|0.500|80.0||90.0 %",
    "|the best of 4|0.650|60.0|25 % lower|95.0 %",
    "8|one, ARPG's own rule|0.500|80.0||90.0 %",
    "|the best of 4|0.500|84.0|5.0 % higher|90.0 %",
  ]);
  assert.ok(words.includes("500 pictures a row, without intervals"));
});

Deno.test("screening: all rules by how close they come, ARPG's own where it was tried alike, finalists marked", () => {
  const screened = (name: string, target_steps: number, frechet: number) => trial({ name, target_steps, frechet });
  const { rows, words } = section("screening", {
    methods: [method(), method({ name: "cosine, halton", family: "hand" })],
    screening: [
      ...[screened("cosine, raster", 3, 200), screened("cosine, raster", 8, 150), screened("linear, rim", 8, 70)],
      ...[screened("cosine, halton", 3, 90), screened("cosine, halton", 8, 80)],
    ],
    tuning: [trial(), trial({ guidance: 2 }), trial({ name: "cosine, halton" })],
    tuning_samples: 200,
  });
  assert.deepEqual(rows, [
    "schedule, order|3 steps, guidance 1.5, temperature 1|8 steps, guidance 1.5, temperature 1",
    "cosine, halton|!90.0 90.0 %|80.0* 90.0 %",
    "cosine, raster|200 90.0 %|150 90.0 %",
    "linear, rim|–|!70.0 90.0 %",
    "arccos, random|–|100* 90.0 %",
  ]);
  for (
    const sentence of [
      "3 steps: !cosine, halton with a Frechet distance of 90.0",
      "8 steps: !linear, rim with a Frechet distance of 70.0, ARPG's own rule 100",
      "All 4 rules",
      "Frechet distance and accuracy of 200 pictures each",
    ]
  ) assert.ok(words.includes(sentence), sentence);
});

Deno.test("tuning: every trial, the best bold, and where the best lies at the end of what was tried", () => {
  const tried = (guidance: number, temperature: number, frechet: number, more = {}) =>
    trial({ guidance, temperature, frechet, ...more });
  const policy = { name: "policy", mode: "sampled" } as const;
  const oneTemperature = [tried(1, 1, 90), tried(1.5, 1, 80), tried(1, 1, 70, policy), tried(1.5, 1, 75, policy)];
  const { rows, words } = section("tuning", { tuning: oneTemperature, tuning_samples: 200 });
  assert.deepEqual(rows, [
    "method|guidance 1|guidance 1.5",
    "target of 8 steps",
    "arccos, random|90.0|!80.0",
    "policy, sampled|!70.0|75.0",
  ]);
  assert.ok(
    words.endsWith(
      "from a seed that no other figure has, at temperature 1: they compare with each other only. Each method is scored " +
        "in full at its bold one. 1 method of 2 is best at the highest guidance that was tried, 1.5: a higher one may suit " +
        "it better.",
    ),
    words,
  );
  const { rows: both, words: told } = section("tuning", {
    tuning: [tried(1, 1, 90), tried(1, 1.2, 80), tried(1, 1, NaN, policy), tried(1, 1.2, 70, policy)],
  });
  assert.equal(both[0], "method|guidance 1, temperature 1|guidance 1, temperature 1.2");
  assert.equal(both[3], "policy, sampled|–|!70.0");
  assert.match(
    told,
    /2 methods of 2 are best at the highest temperature that was tried, 1\.2: a higher one may suit them/,
  );
  assert.doesNotMatch(told, /highest guidance/);
});
