/** Which model a weight file holds, told from the names and shapes of its tensors. */
import type { z } from "zod";
import type { Shape } from "../tensor/shape.ts";
import { type ArpgConfig, arpgConfigSchema, arpgPresets, arpgSizes } from "./arpg_config.ts";
import { type ClipConfig, clipConfigSchema, clipPresets } from "./clip_config.ts";
import { type LlamaGenConfig, llamaGenConfigSchema, llamaGenPresets, llamaGenSizes } from "./llamagen_config.ts";
import { swigluWidth } from "./swiglu.ts";
import { normGroups, vq16, type VqConfig, vqConfigSchema } from "./vq_config.ts";

interface Recognised<Family extends string, Config> {
  /** The kind of model. */
  readonly family: Family;
  /** Name of the published model of these sizes, if there is one. */
  readonly preset: string | null;
  /** Sizes, from which the model can be made. */
  readonly config: Config;
  /** Sizes that no tensor shows and no metadata tell: those of the published models, or the usual ones. */
  readonly assumed: readonly string[];
}

/** A model that {@link recogniseModel} knows. */
export type RecognisedModel =
  | Recognised<"arpg", ArpgConfig>
  | Recognised<"clip", ClipConfig>
  | Recognised<"llamagen", LlamaGenConfig>
  | Recognised<"vq", VqConfig>;

/** The families in a sentence. */
export const familyTitles: Readonly<Record<RecognisedModel["family"], string>> = {
  arpg: "an ARPG",
  clip: "a CLIP",
  llamagen: "a LlamaGen",
  vq: "a VQ tokenizer",
};

/** The tensors without which a model is not recognised. */
export const landmarks: Readonly<Record<RecognisedModel["family"], readonly string[]>> = {
  arpg: [
    ...["embeddings.weight", "head.weight", "layers.self_dec.0.ffn.w1.weight"],
    ...["layers.self_dec.0.attn.to_q.weight", "layers.cross_dec.0.attn.to_q.weight"],
  ],
  clip: [
    ...["text_model.embeddings.token_embedding.weight", "text_model.embeddings.position_embedding.weight"],
    ...["vision_model.embeddings.patch_embedding.weight", "vision_model.embeddings.position_embedding.weight"],
    ...["text_model.encoder.layers.0.mlp.fc1.weight", "vision_model.encoder.layers.0.mlp.fc1.weight"],
    "text_projection.weight",
  ],
  llamagen: [
    ...["tok_embeddings.weight", "cls_embedding.embedding_table.weight"],
    ...["layers.0.feed_forward.w1.weight", "layers.0.attention.wqkv.weight"],
  ],
  vq: [
    ...["quantize.embedding.weight", "encoder.conv_in.weight", "encoder.conv_out.weight"],
    "encoder.conv_blocks.0.res.0.conv1.weight",
  ],
};

type Shapes = ReadonlyMap<string, Shape>;
type Metadata = Readonly<Record<string, string>>;

/**
 * The model that tensors of these names and shapes make: ARPG, LlamaGen or its VQ tokenizer, CLIP, or null. Where the
 * metadata hold the sizes as JSON under `config`, as files written here do, they count; else all comes from the shapes.
 * A few tensors tell: others may be missing or have other shapes, which loading finds.
 */
export function recogniseModel(shapes: Shapes, metadata: Metadata = {}): RecognisedModel | null {
  return recogniseArpg(shapes, metadata) ?? recogniseLlamaGen(shapes, metadata) ?? recogniseVq(shapes, metadata) ??
    recogniseClip(shapes);
}

function recogniseArpg(shapes: Shapes, metadata: Metadata): RecognisedModel | null {
  const [rows, dim] = shapes.get("embeddings.weight") ?? [];
  const [vocab] = shapes.get("head.weight") ?? [];
  const [ffn] = shapes.get("layers.self_dec.0.ffn.w1.weight") ?? [];
  const blocks = (pass: string) => countBlocks(shapes, (l) => `layers.${pass}.${l}.attn.to_q.weight`);
  const half = Math.max(blocks("self_dec"), blocks("cross_dec"));
  if (!rows || !dim || !vocab || !ffn || landmarks.arpg.some((name) => !shapes.has(name))) return null;
  const told = sizesIn(metadata, arpgConfigSchema);
  if (told) {
    if (!fits(told, arpgSizes)) return null;
    return { family: "arpg", preset: presetOf(told, arpgPresets), config: told, assumed: [] };
  }
  const [cells] = shapes.get("positions.weight") ?? [];
  const config: ArpgConfig = {
    dim,
    layers: 2 * half,
    heads: headsOf(dim, arpgPresets),
    multiple_of: multipleOf(dim, ffn),
    vocab,
    classes: rows - vocab - 3,
    cells: cells ?? publishedCells,
    position: cells === undefined ? "none" : "learned",
  };
  if (!arpgConfigSchema.safeParse(config).success || !fits(config, arpgSizes)) return null;
  const preset = presetOf(config, arpgPresets);
  const unseen = cells === undefined ? ["heads", "cells"] as const : ["heads"] as const;
  return { family: "arpg", preset, config, assumed: preset ? [] : unseen };
}

/** Whether the sizes go together, such as heads of whole rotary pairs. @param check throws where they do not. */
function fits<Config>(config: Config, check: (config: Config) => unknown): boolean {
  try {
    check(config);
    return true;
  } catch {
    return false;
  }
}

function recogniseLlamaGen(shapes: Shapes, metadata: Metadata): RecognisedModel | null {
  const [vocab, dim] = shapes.get("tok_embeddings.weight") ?? [];
  const [rows] = shapes.get("cls_embedding.embedding_table.weight") ?? [];
  const [ffn] = shapes.get("layers.0.feed_forward.w1.weight") ?? [];
  const layers = countBlocks(shapes, (l) => `layers.${l}.attention.wqkv.weight`);
  if (!vocab || !dim || !rows || !ffn || layers === 0) return null;
  const told = sizesIn(metadata, llamaGenConfigSchema);
  if (told) {
    if (!fits(told, llamaGenSizes)) return null;
    return { family: "llamagen", preset: presetOf(told, llamaGenPresets), config: told, assumed: [] };
  }
  const config: LlamaGenConfig = {
    dim,
    layers,
    heads: headsOf(dim, llamaGenPresets),
    multiple_of: multipleOf(dim, ffn),
    vocab,
    classes: rows - 1,
    cells: publishedCells,
  };
  if (!llamaGenConfigSchema.safeParse(config).success || !fits(config, llamaGenSizes)) return null;
  const preset = presetOf(config, llamaGenPresets);
  return { family: "llamagen", preset, config, assumed: preset ? [] : ["heads", "cells"] };
}

function recogniseVq(shapes: Shapes, metadata: Metadata): RecognisedModel | null {
  const [codes, codeSize] = shapes.get("quantize.embedding.weight") ?? [];
  const [ch, imageChannels] = shapes.get("encoder.conv_in.weight") ?? [];
  const [zChannels] = shapes.get("encoder.conv_out.weight") ?? [];
  const block = (level: number, i: number) => `encoder.conv_blocks.${level}.res.${i}.conv1.weight`;
  const levels = countBlocks(shapes, (level) => block(level, 0));
  if (!codes || !codeSize || !ch || !imageChannels || !zChannels || levels === 0) return null;
  const told = sizesIn(metadata, vqConfigSchema);
  if (told) {
    return groupsFit(told) ? { family: "vq", preset: presetOf(told, vqPresets), config: told, assumed: [] } : null;
  }
  const config: VqConfig = {
    ch,
    ch_mult: Array.from({ length: levels }, (_, level) => shapes.get(block(level, 0))![0]! / ch),
    num_res_blocks: countBlocks(shapes, (i) => block(0, i)),
    codebook_size: codes,
    codebook_embed_dim: codeSize,
    z_channels: zChannels,
    image_channels: imageChannels,
    norm_groups: null,
  };
  if (!vqConfigSchema.safeParse(config).success || !groupsFit(config)) return null;
  const preset = presetOf(config, vqPresets);
  return { family: "vq", preset, config, assumed: preset ? [] : ["norm_groups"] };
}

/** Sizes of a CLIP stand in the config.json beside its weights: what no tensor shows is that of the published models. */
function recogniseClip(shapes: Shapes): RecognisedModel | null {
  if (landmarks.clip.some((name) => !shapes.has(name))) return null;
  const tower = (name: string) => {
    const [intermediate_size, width] = shapes.get(`${name}.encoder.layers.0.mlp.fc1.weight`)!;
    return {
      hidden_size: width,
      intermediate_size,
      num_hidden_layers: countBlocks(shapes, (l) => `${name}.encoder.layers.${l}.mlp.fc1.weight`),
      num_attention_heads: width! / headSize(width!),
    };
  };
  const [vocab_size] = shapes.get("text_model.embeddings.token_embedding.weight")!;
  const [places = 0] = shapes.get("vision_model.embeddings.position_embedding.weight")!;
  const [, num_channels, patch_size = 0] = shapes.get("vision_model.embeddings.patch_embedding.weight")!;
  const { data: config } = clipConfigSchema.safeParse({
    projection_dim: shapes.get("text_projection.weight")![0],
    text_config: {
      ...tower("text_model"),
      max_position_embeddings: shapes.get("text_model.embeddings.position_embedding.weight")![0],
      vocab_size,
      eos_token_id: vocab_size! - 1,
    },
    vision_config: {
      ...tower("vision_model"),
      image_size: patch_size * Math.sqrt(places - 1),
      patch_size,
      num_channels,
    },
  });
  if (!config) return null;
  const preset = presetOf(config, clipPresets);
  const unseen = ["logit_scale_init_value", "num_attention_heads", "hidden_act", "layer_norm_eps", "eos_token_id"];
  return { family: "clip", preset, config, assumed: preset ? [] : unseen };
}

/** Whether the groups of the norms divide the channels of every level. */
function groupsFit(config: VqConfig): boolean {
  return config.ch_mult.every((factor) => config.ch * factor % normGroups(config) === 0);
}

/** N of the published models: 16x16 tokens of a 256x256 image. */
const publishedCells = 256;

const vqPresets = { "VQ-16": vq16 };

/** What the metadata say of the sizes; null where they are silent or speak of another model. */
function sizesIn<Config>({ config }: Metadata, schema: z.ZodType<Config>): Config | null {
  if (config === undefined) return null;
  try {
    return schema.safeParse(JSON.parse(config)).data ?? null;
  } catch {
    return null; // not JSON, hence not written here
  }
}

/** Blocks 0, 1, .. whose tensor is there. */
function countBlocks(shapes: Shapes, tensor: (block: number) => string): number {
  let blocks = 0;
  while (shapes.has(tensor(blocks))) blocks++;
  return blocks;
}

/** Heads of the published model of the width, else heads of 64 channels, or of the largest power of two that fits. */
function headsOf(dim: number, presets: Readonly<Record<string, { readonly dim: number; readonly heads: number }>>) {
  const published = Object.values(presets).find((preset) => preset.dim === dim);
  return published?.heads ?? dim / headSize(dim);
}

/** 64 channels as in most published models, or the largest power of two that fits. */
function headSize(dim: number): number {
  return [64, 32, 16, 8, 4, 2, 1].find((size) => dim % size === 0)!;
}

/** The rounding that makes a feed-forward of the width: 256 in the published models, else the largest; 0 if none does. */
function multipleOf(dim: number, ffn: number): number {
  return [256, 128, 64, 32, 16, 8, 4, 2, 1].find((multiple) => swigluWidth(dim, multiple) === ffn) ?? 0;
}

function presetOf<Config extends object>(config: Config, presets: Readonly<Record<string, Config>>): string | null {
  return Object.entries(presets).find(([, preset]) => sameSizes(preset, config))?.[0] ?? null;
}

/** Whether two configs say the same, in whatever order. */
export function sameSizes<Config extends object>(a: Config, b: Config): boolean {
  const [one, other] = [a, b].map((config) => JSON.stringify(Object.entries(config).sort()));
  return one === other;
}
