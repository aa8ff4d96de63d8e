import assert from "node:assert/strict";
import { decodingFlops } from "../../bench/suites/digits_decoding.ts";
import { arpgSizes } from "../../src/models/arpg_config.ts";

Deno.test("decodingFlops: the parameters that each token of content and each query meets, and attention", () => {
  const config = { dim: 8, layers: 2, heads: 2, multiple_of: 4, vocab: 16, classes: 3, cells: 9 } as const;
  const { ffn } = arpgSizes({ ...config, position: "learned" });
  const attention = 8 * 9;
  const content = 4 * 64 + 3 * 8 * ffn + attention + 2 * 64; // a layer, then keys and values for the queries
  const query = 2 * 64 + 3 * 8 * ffn + attention + 16 * 8;
  // The class and all but the last group of 4 are content; two passes, two operations a product.
  assert.equal(decodingFlops({ ...config, position: "learned" }, [2, 3, 4]), 4 * (6 * content + 9 * query));
});
