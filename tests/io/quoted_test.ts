import assert from "node:assert/strict";
import { printable, quoted } from "../../src/io/quoted.ts";

Deno.test("quoted: what a file says stays on one line, short and harmless to terminals", () => {
  assert.deepEqual([quoted("a b"), quoted(3), quoted(null), quoted(undefined), quoted([1]), quoted({})], [
    ...['"a b"', "3", "null", "undefined", "a list", "a list"],
  ]);
  assert.equal(quoted("a\n\x1b[2J\x9b\u202e\u2028"), '"a\\n\\u001b[2J\\u009b\\u202e\\u2028"');
  assert.equal(quoted("x".repeat(121)), `"${"x".repeat(120)}..."`);
});

Deno.test("quoted: plain names stay as they are, others are quoted", () => {
  assert.deepEqual(["layers.0.weight", "größe", "a b", "a\tb", ""].map(printable), [
    ...["layers.0.weight", "größe", '"a b"', '"a\\tb"', '""'],
  ]);
});
