import assert from "node:assert/strict";
import { scoresTable } from "../../src/report/html_scores.ts";

const estimate = { value: 0.5, low: 0.4, high: 0.6 };
const record = {
  samples: 1000,
  comparison: [
    {
      ...{ name: "policy", target_steps: 8, mean_steps: 7.5, milliseconds: 120 },
      ...{ scores: { "<clip>": estimate }, above_arpg: { "<clip>": { value: -0.0123, low: -0.02, high: 0.01 } } },
    },
    { name: "arpg", target_steps: 8, mean_steps: 8, milliseconds: 100, scores: { "<clip>": estimate } },
  ],
};

Deno.test("scoresTable: a row a way to paint, with intervals and what is gained on ARPG's rule", () => {
  const page = scoresTable(JSON.stringify(record))!.text.replaceAll("&#39;", "'");
  assert.match(
    page,
    /policy, 8 steps<\/td><td>7\.50<\/td><td>120<\/td><td>0\.500 <span class="interval">0\.400–0\.600/,
  );
  assert.match(page, /−0\.0123 <span class="interval">−0\.0200–0\.0100/);
  assert.match(page, /ARPG's rule, 8 steps/);
  assert.match(page, /Means over 1,000 pictures/);
  assert.ok(!page.includes("<clip>"), "names are text");
});

Deno.test("scoresTable: null for what is no such record", () => {
  for (const text of ["", "{", "{}", "[]", '{"samples": 1, "comparison": []}', '{"methods": []}']) {
    assert.equal(scoresTable(text), null, text);
  }
});

Deno.test("scoresTable: a trained LlamaGen beside the published weights", () => {
  const card = { target_steps: 256, mean_steps: 256, milliseconds: 100, scores: { clip: estimate } };
  const comparison = [
    { ...card, name: "trained", above_published: { clip: { value: 0.0123, low: 0.01, high: 0.02 } } },
    { ...card, name: "published" },
  ];
  const page = scoresTable(JSON.stringify({ samples: 10, comparison }))!.text;
  assert.match(page, /<th>above published weights<\/th>/);
  assert.match(page, /trained, 256 steps.*0\.0123.*published weights, 256 steps/s);
  assert.ok(!page.includes("ARPG"));
});
