import type { Command } from "commander";
import { extname } from "node:path";
import { FileSource } from "../io/byte_source.ts";
import { bytesPerElement } from "../io/dtype.ts";
import { npzHeaders } from "../io/npz.ts";
import { printable, quoted } from "../io/quoted.ts";
import type { WeightContent } from "../io/weight_content.ts";
import { openWeights } from "../io/weight_file.ts";
import { familyTitles, type RecognisedModel, recogniseModel } from "../models/recognise.ts";
import type { DecodingPolicyConfig } from "../policy/decoding_policy_config.ts";
import { recognisePolicy } from "../policy/recognise_policy.ts";
import { type Shape, showShape, sizeOf } from "../tensor/shape.ts";
import { printLine } from "./terminal.ts";

/** Longest text of a file's metadata that is shown whole; a model's sizes are far shorter. */
const MAX_TEXT = 1000;

/** Declares `deno task inspect`: lists the tensors of a file; lines go to `print`. */
export function inspectCommand(program: Command, print: (line: string) => void = printLine): void {
  program
    .description(
      "Lists the tensors of a .safetensors, .pt, .pth, .bin, .index.json or .npz file, its metadata and model.",
    )
    .argument("<FILE>", "the file; its tensors are not read, and nothing in it is executed")
    .action(async (path: string) => (await inspect(path)).forEach((line) => print(line)));
}

/** The lines about the file at `path`. Throws UserError for a file that cannot be read. */
async function inspect(path: string): Promise<string[]> {
  if (extname(path).toLowerCase() === ".npz") {
    using source = await FileSource.open(path);
    const rows = [...npzHeaders(source)].map(([name, { dtype, shape, dataBytes: bytes }]) => ({
      name,
      dtype,
      shape,
      bytes,
    }));
    return [...table(rows), totals(rows, "array", "number")];
  }
  using file = await openWeights(path);
  const rows = [...file.entries].map(([name, { dtype, shape }]) => {
    return { name, dtype, shape, bytes: sizeOf(shape) * (dtype === "F64" ? 8 : bytesPerElement[dtype]) };
  });
  return [...table(rows), totals(rows, "tensor", "parameter"), ...metadata(file), model(file)];
}

interface Row {
  readonly name: string;
  readonly dtype: string;
  readonly shape: Shape;
  readonly bytes: number;
}

function table(rows: readonly Row[]): string[] {
  const cells = rows.map(({ name, dtype, shape, bytes }) => [printable(name), dtype, showShape(shape), counted(bytes)]);
  const all = [["name", "type", "shape", "bytes"], ...cells];
  const widths = [0, 1, 2, 3].map((column) => all.reduce((most, row) => Math.max(most, row[column]!.length), 0));
  return all.map((row) =>
    row.map((cell, column) => column < 3 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)).join("  ")
  );
}

function totals(rows: readonly Row[], thing: string, element: string): string {
  const size = rows.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const bytes = rows.reduce((sum, row) => sum + row.bytes, 0);
  return `${several(rows.length, thing)}, ${several(size, element)}, ${several(bytes, "byte")}`;
}

function metadata(file: WeightContent): string[] {
  return Object.entries(file.metadata).map(([key, text]) => `metadata ${printable(key)}: ${quoted(text, MAX_TEXT)}`);
}

function model(file: WeightContent): string {
  const shapes = new Map([...file.entries].map(([name, { shape }]) => [name, shape]));
  const found = recogniseModel(shapes, file.metadata);
  if (found) return `model: ${describe(found)}`;
  const policy = recognisePolicy(shapes, file.metadata);
  return policy ? `model: ${describePolicy(policy)}` : "model: none that is known here";
}

function describe({ family, preset, config, assumed }: RecognisedModel): string {
  const sizes = Object.entries(config).map(([name, size]) => describeSize(name, size, assumed));
  return `${preset ?? `${familyTitles[family]} of unpublished sizes`}; ${sizes.join(", ")}`;
}

function describeSize(name: string, size: unknown, assumed: readonly string[]): string {
  if (typeof size === "object" && size !== null && !Array.isArray(size)) {
    const inner = Object.entries(size).map(([name, size]) => describeSize(name, size, assumed));
    return `${name} (${inner.join(", ")})`;
  }
  return `${name} ${Array.isArray(size) ? showShape(size) : size}${assumed.includes(name) ? " (assumed)" : ""}`;
}

function describePolicy(config: DecodingPolicyConfig): string {
  const { network, hidden_dim, layers, state, targets, max_steps, slack, degrees, prior, repulsion, cells } = config;
  return [
    `a decoding policy; network ${network}, hidden_dim ${hidden_dim}, layers ${layers}, state ${state}`,
    `targets ${showShape(targets)}, max_steps ${max_steps}, slack ${slack}, degrees ${showShape(degrees)}`,
    `prior ${prior.schedule} (width ${prior.width}, floor ${prior.floor}) in ${prior.order} order (trust ${prior.trust})`,
    `repulsion ${repulsion ? `sigma ${repulsion.sigma}` : "none"}, cells ${cells}, classes ${config.classes}`,
  ].join(", ");
}

/** `1,234,567`. */
function counted(n: number): string {
  return n.toLocaleString("en-US");
}

/** `2 tensors`. */
function several(n: number, thing: string): string {
  return `${counted(n)} ${thing}${n === 1 ? "" : "s"}`;
}
