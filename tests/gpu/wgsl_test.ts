import assert from "node:assert/strict";
import { assembleShader, constantNames } from "../../src/gpu/wgsl.ts";
import { libraryFiles } from "../../src/gpu/wgsl_library.ts";

const params = (body: string) => assembleShader("sample", `struct Params {${body}}`);

Deno.test("assembleShader puts includes first and knows where every line comes from", () => {
  const { code, lines } = assembleShader("sample", "// header\n//@include grid\n//@unroll i 0 2\nlet a$i = 0;\n//@end");
  const library = libraryFiles.grid!.split("\n");
  assert.deepEqual(code.split("\n"), [...library, "// header", "//@include grid", "let a0 = 0;", "let a1 = 0;"]);
  assert.deepEqual(lines, [
    ...library.map((_, i) => `lib/grid.wgsl:${i + 1}`),
    "sample.wgsl:1",
    "sample.wgsl:2",
    "sample.wgsl:4",
    "sample.wgsl:4",
  ]);
});

Deno.test("assembleShader replaces constants before it unrolls", () => {
  const text = "const TILE = 4u;\nconst OTHER = 7u;\nconst REAL = 1.5;\n//@unroll i 0 TILE\n$i\n//@end";
  assert.deepEqual(constantNames(text), new Set(["TILE", "OTHER"]));
  assert.equal(
    assembleShader("sample", text, { TILE: 2 }).code,
    "const TILE = 2u;\nconst OTHER = 7u;\nconst REAL = 1.5;\n0\n1",
  );
});

Deno.test("browsers get `enable subgroups;` before everything, and only where a kernel uses them", () => {
  const text = "//@include grid\nlet x = subgroupAdd(1.0);";
  const browser = assembleShader("sample", text, {}, "browser");
  assert.ok(browser.code.startsWith("enable subgroups;\n"));
  assert.equal(browser.lines.length, browser.code.split("\n").length);
  assert.equal(browser.lines.at(-1), "sample.wgsl:2");
  assert.ok(!assembleShader("sample", text).code.includes("enable"));
  const included = assembleShader("sample", "//@include lane_reduce", {}, "browser");
  assert.ok(included.code.startsWith("enable subgroups;\n"), "a file that it includes uses them");
  assert.equal(included.lines.length, included.code.split("\n").length);
  assert.ok(!assembleShader("sample", "//@include grid", {}, "browser").code.includes("enable"));
});

Deno.test("Params fields lie where the uniform address space puts them", () => {
  assert.deepEqual(
    params(" rows: u32, // u32, not i32\n  shift: i32,\n scale: f32,\n v: vec4f, n: u32, w: vec4u, k: vec4i "),
    {
      ...params(""),
      code:
        "struct Params { rows: u32, // u32, not i32\n  shift: i32,\n scale: f32,\n v: vec4f, n: u32, w: vec4u, k: vec4i }",
      lines: ["sample.wgsl:1", "sample.wgsl:2", "sample.wgsl:3", "sample.wgsl:4"],
      params: [
        { name: "rows", type: "u32", offset: 0, words: 1 },
        { name: "shift", type: "i32", offset: 1, words: 1 },
        { name: "scale", type: "f32", offset: 2, words: 1 },
        { name: "v", type: "f32", offset: 4, words: 4 },
        { name: "n", type: "u32", offset: 8, words: 1 },
        { name: "w", type: "u32", offset: 12, words: 4 },
        { name: "k", type: "i32", offset: 16, words: 4 },
      ],
      paramWords: 20,
    },
  );
  assert.equal(params("a: u32, b: u32, c: u32, d: u32, e: u32,").paramWords, 8);
  assert.deepEqual(assembleShader("sample", "// no Params").params, []);
});

for (const field of ["a: bool", "a: vec2f", "a: array<u32, 4>", "@align(16) a: u32", "a: f16", "a: vec4<u32>"]) {
  Deno.test(`assembleShader refuses Params with ${field}`, () => {
    const message = `sample.wgsl: Params may hold u32, i32, f32 and vec4u / i / f only, got \`${field.split(",")[0]}\``;
    assert.throws(() => params(`n: u32, ${field}`), { message });
  });
}

Deno.test("assembleShader refuses Params above 64 words", () => {
  const fields = Array.from({ length: 16 }, (_, i) => `v${i}: vec4u`);
  assert.equal(params(fields.join()).paramWords, 64);
  assert.throws(() => params([...fields, "n: u32"].join()), {
    message: "sample.wgsl: Params may hold 64 words, got 65",
  });
});

Deno.test("assembleShader names the file of a missing include and of a bad unroll", () => {
  assert.throws(() => assembleShader("sample", "//@include nowhere"), {
    message: "sample.wgsl includes nowhere, which is not in shaders/lib",
  });
  assert.throws(() => assembleShader("sample", "x\n$y"), { message: "sample.wgsl, line 2: cannot evaluate `y`" });
});

Deno.test("assembleShader unrolls an include with the constants of the file that includes it, replaced ones too", () => {
  const tile = (constants: Record<string, number>) => {
    const { code, lines } = assembleShader("sample", "//@include packed_store\nconst TM = 2u;", constants);
    assert.equal(lines.length, code.split("\n").length);
    return /struct Tile \{([^}]*)\}/.exec(code)![1]!.match(/c\d+_\d/g);
  };
  assert.deepEqual(tile({}), ["c0_0", "c0_1", "c1_0", "c1_1"]);
  assert.equal(tile({ TM: 16 })!.length, 32);
  assert.throws(() => assembleShader("sample", "//@include packed_store"), {
    message: /^lib\/packed_store\.wgsl, line \d+: cannot evaluate `TM`$/,
  });
});

Deno.test("assembleShader names float16 where halves are bound, and nowhere else", () => {
  const text = [
    "@group(0) @binding(0) var a: texture_storage_2d<rgba32float, read>;",
    "@group(0) @binding(1) var<storage, read> counts: array<u32>;",
    "@group(0) @binding(2) var b: texture_storage_2d<rgba32float, write>;",
    "@group(0) @binding(12) var c: texture_storage_2d<rgba32float, write>;",
  ];
  const half = (line: string) => line.replace("rgba32float", "rgba16float");
  const assembled = (halves: number[]) =>
    assembleShader("sample", text.join("\n"), {}, "deno", halves).code.split("\n");
  assert.deepEqual(assembled([]), text);
  assert.deepEqual(assembled([2]), [text[0], text[1], half(text[2]!), text[3]]);
  assert.deepEqual(assembled([0, 1, 12]), [half(text[0]!), text[1], text[2], half(text[3]!)]);
});
