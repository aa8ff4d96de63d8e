import assert from "node:assert/strict";
import { onnxModel } from "../../bench/peers/onnx_model.ts";

Deno.test("onnxModel: the fields of a small model, byte for byte", () => {
  const value = { name: "a", type: "float", shape: [200] } as const;
  const operator = { type: "F", domain: "d", ints: { k: [3, 1] }, floats: { e: 1 } };
  const text = (field: number, letter: string) => [8 * field + 2, 1, letter.charCodeAt(0)];
  const node = [
    ...text(1, "a"),
    ...text(2, "b"),
    ...text(4, "F"),
    ...[42, 10, ...text(1, "k"), 64, 3, 64, 1, 160, 1, 7],
    ...[42, 11, ...text(1, "e"), 21, 0, 0, 128, 63, 160, 1, 1],
    ...text(7, "d"),
  ];
  const info = (name: string) => [...text(1, name), 18, 11, 10, 9, 8, 1, 18, 5, 10, 3, 8, 200, 1];
  const graph = [
    ...[10, node.length, ...node],
    ...text(2, "F"),
    ...[90, info("a").length, ...info("a")],
    ...[98, info("b").length, ...info("b")],
  ];
  const opsets = [66, 4, 10, 0, 16, 17, 66, 5, ...text(1, "d"), 16, 1];
  assert.deepEqual(
    [...onnxModel(operator, [value], [{ ...value, name: "b" }])],
    [8, 8, 58, graph.length, ...graph, ...opsets],
  );
});
