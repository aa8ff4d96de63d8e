import { z } from "zod";
import type { Shape } from "../tensor/shape.ts";
import { type TokenModelConfig, tokenModelSchema, type TokenModelSizes, tokenModelSizes } from "./token_model_sizes.ts";

/** Sizes of an {@link Arpg}. */
export interface ArpgConfig extends TokenModelConfig {
  /** Layers of both passes together; the first half reads the content, the second half answers the queries. */
  readonly layers: number;
  /** Classes, the ids `vocab + 1 + class`. */
  readonly classes: number;
  /**
   * How the model knows where on the canvas it is: `none` is the published form, rotary angles alone, which are
   * relative; `learned` adds an embedding of the cell to content tokens and to queries, which small pictures need.
   */
  readonly position: "none" | "learned";
}

/** {@link ArpgConfig} as files hold it. */
export const arpgConfigSchema = tokenModelSchema.extend({
  layers: tokenModelSchema.shape.layers.multipleOf(2),
  position: z.enum(["none", "learned"]),
}) satisfies z.ZodType<ArpgConfig>;

const published = { multiple_of: 256, vocab: 16384, classes: 1000, cells: 256, position: "none" } as const;

/** The published models for ImageNet at 256x256 (arXiv 2503.10568, table 1): 320 M, 719 M and 1.3 B parameters. */
export const arpgPresets: Readonly<Record<"ARPG-L" | "ARPG-XL" | "ARPG-XXL", ArpgConfig>> = {
  "ARPG-L": { ...published, dim: 1024, layers: 24, heads: 16 },
  "ARPG-XL": { ...published, dim: 1280, layers: 36, heads: 20 },
  "ARPG-XXL": { ...published, dim: 1536, layers: 48, heads: 24 },
};

/** Sizes and ids that follow from a config. */
export interface ArpgSizes extends TokenModelSizes {
  /** Layers of each of the two passes. */
  readonly half: number;
  /** Rows of the embedding table: tokens, mask, classes, null class and one spare row. */
  readonly rows: number;
  /** Id of the mask token, from which queries start. */
  readonly mask: number;
  /** Id of class 0. */
  readonly classBase: number;
  /** Id of the null class, which stands for no class. */
  readonly noClass: number;
}

/** Checks a config. @throws {RangeError} for sizes that make no model. */
export function arpgSizes(config: ArpgConfig): ArpgSizes {
  const { layers, vocab, classes } = config;
  const sizes = tokenModelSizes("an ARPG", config);
  if (layers % 2) throw new RangeError(`Cannot make an ARPG: layers must be even, half for each pass, got ${layers}`);
  return {
    ...sizes,
    half: layers / 2,
    rows: vocab + classes + 3,
    mask: vocab,
    classBase: vocab + 1,
    noClass: vocab + classes + 1,
  };
}

/** Shapes of an ARPG's parameters by their published names. */
export function arpgShapes(config: ArpgConfig): Map<string, Shape> {
  const { half, ffn, rows } = arpgSizes(config);
  const { dim, vocab, cells, position } = config;
  const shapes = new Map<string, Shape>([["embeddings.weight", [rows, dim]]]);
  if (position === "learned") shapes.set("positions.weight", [cells, dim]);
  const add = (prefix: string, names: readonly string[]) => {
    for (const name of names) shapes.set(`${prefix}.attn.${name}.weight`, [dim, dim]);
    for (const name of ["w1", "w3"]) shapes.set(`${prefix}.ffn.${name}.weight`, [ffn, dim]);
    shapes.set(`${prefix}.ffn.w2.weight`, [dim, ffn]);
    for (const name of ["attn_norm", "ffn_norm"]) shapes.set(`${prefix}.${name}.weight`, [dim]);
  };
  for (let l = 0; l < half; l++) add(`layers.self_dec.${l}`, ["to_q", "to_k", "to_v", "proj"]);
  for (let l = 0; l < half; l++) add(`layers.cross_dec.${l}`, ["to_q", "proj"]);
  shapes.set("layers.norm.weight", [dim]);
  shapes.set("layers.to_k.weight", [dim, dim]);
  shapes.set("layers.to_v.weight", [dim, dim]);
  shapes.set("norm.weight", [dim]);
  shapes.set("head.weight", [vocab, dim]);
  return shapes;
}
