import assert from "node:assert/strict";
import { compareOutputs } from "../../../src/cli/parity/compare.ts";

const codes = (different: number) => Int32Array.from({ length: 200 }, (_, i) => i < different ? -1 : i);

function compare(kind: string, different: number) {
  const outputs = new Map([["codes", { shape: [2, 100], data: codes(0) }]]);
  const given = {
    kind,
    folder: "",
    config: {},
    params: {},
    tolerance: 0,
    inputs: new Map(),
    weights: new Map(),
    outputs,
  };
  return compareOutputs(given, new Map([["codes", { shape: [2, 100], data: codes(different) }]]));
}

Deno.test("parity: one code of a hundred may differ in vq.encode, and nowhere else", () => {
  assert.deepEqual(compare("vq.encode", 2), { error: 0.01, output: "codes", passed: true });
  assert.deepEqual(compare("vq.encode", 3), { error: 0.015, output: "codes", passed: false });
  assert.deepEqual(compare("llamagen.generate", 1), { error: 0.005, output: "codes", passed: false });
});
