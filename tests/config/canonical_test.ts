import assert from "node:assert/strict";
import { z } from "zod";
import { canonicalConfig, diffConfig } from "../../src/config/canonical.ts";
import { loadConfig } from "../../src/config/load_config.ts";
import { fileTest } from "../support/file_test.ts";

const shared = [1, 2];
const config = { b: { y: shared, x: shared }, a: "no", n: 1e-8 };

Deno.test("canonicalConfig does not depend on the order of keys", () => {
  const text = canonicalConfig(config);
  assert.equal(text, canonicalConfig({ n: 1e-8, a: "no", b: { x: [1, 2], y: [1, 2] } }));
  assert.ok(text.startsWith("a: no\nb:\n  x:\n    - 1\n"), text);
});

await fileTest("loadConfig reads a canonical config back", async () => {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, canonicalConfig(config));
    assert.deepEqual(loadConfig(file, z.unknown()), config);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("diffConfig lists the paths that differ", () => {
  const before = { seed: 1, train: { lr: 0.1, sizes: [1, 2] } };
  assert.deepEqual(diffConfig(before, structuredClone(before)), []);
  assert.deepEqual(diffConfig(before, { train: { lr: 0.2, sizes: [1, 3], clip: 1 } }), [
    "seed",
    "train.clip",
    "train.lr",
    "train.sizes",
  ]);
  assert.deepEqual(diffConfig({ a: { b: 1 } }, { a: 2 }), ["a"]);
});
