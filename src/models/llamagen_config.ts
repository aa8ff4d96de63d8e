import type { z } from "zod";
import type { Shape } from "../tensor/shape.ts";
import { type TokenModelConfig, tokenModelSchema, type TokenModelSizes, tokenModelSizes } from "./token_model_sizes.ts";

/** Sizes of a {@link LlamaGen}. */
export interface LlamaGenConfig extends TokenModelConfig {
  /** Classes; the id `classes` is the null class, which stands for no class. */
  readonly classes: number;
}

/** {@link LlamaGenConfig} as files hold it. */
export const llamaGenConfigSchema = tokenModelSchema satisfies z.ZodType<LlamaGenConfig>;

const published = { multiple_of: 256, vocab: 16384, classes: 1000, cells: 256 } as const;

/** The published class-conditional models for ImageNet at 256x256 (arXiv 2406.06525, table 1). */
export const llamaGenPresets: Readonly<Record<"LlamaGen-B" | "LlamaGen-L" | "LlamaGen-XL", LlamaGenConfig>> = {
  "LlamaGen-B": { ...published, dim: 768, layers: 12, heads: 12 },
  "LlamaGen-L": { ...published, dim: 1024, layers: 24, heads: 16 },
  "LlamaGen-XL": { ...published, dim: 1280, layers: 36, heads: 20 },
};

/** Checks a config. @throws {RangeError} for sizes that make no model. */
export function llamaGenSizes(config: LlamaGenConfig): TokenModelSizes {
  return tokenModelSizes("a LlamaGen", config);
}

/** Shapes of a LlamaGen's parameters by their published names, in the model's order. */
export function llamaGenShapes(config: LlamaGenConfig): Map<string, Shape> {
  const { ffn } = llamaGenSizes(config);
  const { dim, layers, vocab, classes } = config;
  const layer: readonly [string, Shape][] = [
    ["attention.wqkv", [3 * dim, dim]],
    ["attention.wo", [dim, dim]],
    ["feed_forward.w1", [ffn, dim]],
    ["feed_forward.w3", [ffn, dim]],
    ["feed_forward.w2", [dim, ffn]],
    ["attention_norm", [dim]],
    ["ffn_norm", [dim]],
  ];
  return new Map([
    ["cls_embedding.embedding_table.weight", [classes + 1, dim]],
    ["tok_embeddings.weight", [vocab, dim]],
    ...Array.from(
      { length: layers },
      (_, l) => layer.map(([name, shape]): [string, Shape] => [`layers.${l}.${name}.weight`, shape]),
    ).flat(),
    ["norm.weight", [dim]],
    ["output.weight", [vocab, dim]],
  ]);
}

/** What a file of a LlamaGen's weights carries, so that its sizes need not be guessed. */
export function llamaGenMetadata(config: LlamaGenConfig): Record<string, string> {
  return { family: "llamagen", config: JSON.stringify(config) };
}
