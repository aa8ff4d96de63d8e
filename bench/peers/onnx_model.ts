/** ONNX models of one operator, as bytes: protobuf messages by the field numbers of onnx.proto3 (IR version 8). */
import type { Shape } from "../../src/tensor/shape.ts";

/** A value that goes into or out of a model. */
export interface OnnxValue {
  readonly name: string;
  readonly type: "float" | "int32";
  readonly shape: Shape;
}

/** An operator; attributes are whole numbers, lists of them, or floats. */
export interface OnnxOperator {
  readonly type: string;
  /** Default: the standard's. */
  readonly domain?: string;
  readonly ints?: Readonly<Record<string, number | readonly number[]>>;
  readonly floats?: Readonly<Record<string, number>>;
}

const elementTypes = { float: 1, int32: 6 };
const attributeTypes = { float: 1, int: 2, ints: 7 };

/** The file of a model whose only node reads all inputs and writes all outputs. */
export function onnxModel(
  operator: OnnxOperator,
  inputs: readonly OnnxValue[],
  outputs: readonly OnnxValue[],
): Uint8Array<ArrayBuffer> {
  const { type, domain = "", ints = {}, floats = {} } = operator;
  const node = [
    ...inputs.flatMap(({ name }) => text(1, name)),
    ...outputs.flatMap(({ name }) => text(2, name)),
    ...text(4, type),
    ...Object.entries(ints).flatMap(([name, value]) =>
      message(
        5,
        typeof value === "number"
          ? [...text(1, name), ...integer(3, value), ...integer(20, attributeTypes.int)]
          : [...text(1, name), ...value.flatMap((each) => integer(8, each)), ...integer(20, attributeTypes.ints)],
      )
    ),
    ...Object.entries(floats).flatMap(([name, value]) =>
      message(5, [...text(1, name), ...float(2, value), ...integer(20, attributeTypes.float)])
    ),
    ...text(7, domain),
  ];
  const graph = [
    ...message(1, node),
    ...text(2, type),
    ...inputs.flatMap((value) => message(11, valueInfo(value))),
    ...outputs.flatMap((value) => message(12, valueInfo(value))),
  ];
  const opset = (domain: string, version: number) => message(8, [...text(1, domain), ...integer(2, version)]);
  const imports = [...opset("", 17), ...domain ? opset(domain, 1) : []];
  return Uint8Array.from([...integer(1, 8), ...message(7, graph), ...imports]);
}

function valueInfo({ name, type, shape }: OnnxValue): number[] {
  const dimensions = message(2, shape.flatMap((size) => message(1, integer(1, size))));
  return [...text(1, name), ...message(2, message(1, [...integer(1, elementTypes[type]), ...dimensions]))];
}

function varint(value: number): number[] {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push(value % 128 + 128);
  return [...bytes, value];
}

const integer = (field: number, value: number) => [...varint(8 * field), ...varint(value)];
const message = (
  field: number,
  bytes: readonly number[],
) => [...varint(8 * field + 2), ...varint(bytes.length), ...bytes];
const text = (field: number, value: string) => message(field, [...new TextEncoder().encode(value)]);
const float = (field: number, value: number) => [
  ...varint(8 * field + 5),
  ...new Uint8Array(Float32Array.of(value).buffer),
];
