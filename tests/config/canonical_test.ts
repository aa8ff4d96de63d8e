import assert from "node:assert/strict";
import { parse } from "yaml";
import { canonicalConfig, diffConfig } from "../../src/config/canonical.ts";

Deno.test("canonicalConfig does not depend on the order of keys and reads back", () => {
  const shared = [1, 2];
  const config = { b: { y: shared, x: shared }, a: "no", n: 1e-8 };
  const text = canonicalConfig(config);
  assert.equal(text, canonicalConfig({ n: 1e-8, a: "no", b: { x: [1, 2], y: [1, 2] } }));
  assert.deepEqual(parse(text), config);
  assert.ok(text.startsWith("a: no\nb:\n  x:\n    - 1\n"), text);
});

Deno.test("diffConfig lists the paths that differ", () => {
  const config = { seed: 1, train: { lr: 0.1, sizes: [1, 2] } };
  assert.deepEqual(diffConfig(config, structuredClone(config)), []);
  assert.deepEqual(diffConfig(config, { train: { lr: 0.2, sizes: [1, 3], clip: 1 } }), [
    "seed",
    "train.clip",
    "train.lr",
    "train.sizes",
  ]);
  assert.deepEqual(diffConfig({ a: { b: 1 } }, { a: 2 }), ["a"]);
});
