import assert from "node:assert/strict";
import { unroll } from "../../src/gpu/unroll.ts";

const expand = (...lines: string[]) => unroll(lines.join("\n")).map(({ line }) => line);

Deno.test("unroll repeats a block and remembers the source lines", () => {
  assert.deepEqual(unroll("before\n//@unroll i 1 3\n  a$i = b[$i];\n  c$i_x += 1;\n//@end\nafter"), [
    { line: "before", source: 1 },
    { line: "  a1 = b[1];", source: 3 },
    { line: "  c1_x += 1;", source: 4 },
    { line: "  a2 = b[2];", source: 3 },
    { line: "  c2_x += 1;", source: 4 },
    { line: "after", source: 6 },
  ]);
});

Deno.test("unroll nests, with inner bounds from outer indices", () => {
  assert.deepEqual(expand("//@unroll i 0 3", "  //@unroll j i 2", "m$(i)_$j n$i$j", "  //@end", "row $i", "//@end"), [
    "m0_0 n00",
    "m0_1 n01",
    "row 0",
    "m1_1 n11",
    "row 1",
    "row 2",
  ]);
});

Deno.test("unroll evaluates integer arithmetic over indices and the file's constants", () => {
  assert.deepEqual(
    expand(
      "const TILE = 4u;",
      "//@unroll i 0 TILE",
      "$(i * 2 + 1) $(i*2)u $((i + 1) * (TILE - i)) $(i / 2) $(i % 3)",
      "//@end",
    )
      .slice(1),
    ["1 0u 4 0 0", "3 2u 6 0 1", "5 4u 6 1 2", "7 6u 4 1 0"],
  );
  assert.deepEqual(expand("//@unroll i 2 3", "$(1 - i - 1) $(7 / 2 * 2) $(i)", "//@end"), [
    "-2 6 2",
  ]);
});

Deno.test("unroll makes nothing of an empty range", () => {
  assert.deepEqual(expand("a", "//@unroll i 2 2", "b", "//@end", "c"), ["a", "c"]);
});

for (
  const [what, lines, message] of [
    ["a block without end", ["x", "//@unroll i 0 2", "y"], "line 2: //@unroll without //@end"],
    [
      "an outer block without end",
      ["//@unroll i 0 2", "//@unroll j 0 2", "//@end"],
      "line 1: //@unroll without //@end",
    ],
    ["a stray end", ["x", "//@end"], "line 2: //@end without //@unroll"],
    ["missing bounds", ["//@unroll i 4", "//@end"], "line 1: wanted //@unroll NAME FROM TO, got `//@unroll i 4`"],
    [
      "a bound with spaces",
      ["//@unroll i 0 N / 2", "//@end"],
      "line 1: wanted //@unroll NAME FROM TO, got `//@unroll i 0 N / 2`",
    ],
    ["an unknown bound", ["//@unroll i 0 N", "//@end"], "line 1: cannot evaluate `N`"],
    ["an unknown name", ["x", "a$b"], "line 2: cannot evaluate `b`"],
    ["an index outside its block", ["//@unroll i 0 2", "$i", "//@end", "$i"], "line 4: cannot evaluate `i`"],
    ["an unknown name in arithmetic", ["$(1 + n)"], "line 1: cannot evaluate `1 + n`"],
    ["a missing operand", ["$(1 +)"], "line 1: cannot evaluate `1 +`"],
    ["a foreign operator", ["$(8 >> 1)"], "line 1: cannot evaluate `8 >> 1`"],
    ["a trailing sign", ["$(8 ^)"], "line 1: cannot evaluate `8 ^`"],
    ["a division by zero", ["$(1 / 0)"], "line 1: cannot evaluate `1 / 0`"],
    ["brackets too deep to read", ["a$(((1 + 1)))"], "line 1: cannot read the `$` of `a$(((1 + 1)))`"],
    ["an open bracket", ["$(1 + 2"], "line 1: cannot read the `$` of `$(1 + 2`"],
  ] as const
) {
  Deno.test(`unroll refuses ${what} and names the line`, () => {
    assert.throws(() => unroll(lines.join("\n")), { message });
  });
}
