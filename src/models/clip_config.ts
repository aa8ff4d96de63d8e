import { z } from "zod";
import { UserError } from "../error.ts";
import type { Shape } from "../tensor/shape.ts";

/** Sizes of one of the two transformers of a CLIP, spelt as HuggingFace's config.json does. */
export interface ClipTowerConfig {
  /** C, width of the residual stream. */
  readonly hidden_size: number;
  /** Width inside the feed-forward. */
  readonly intermediate_size: number;
  /** Transformer layers. */
  readonly num_hidden_layers: number;
  /** H, which divides C. */
  readonly num_attention_heads: number;
  /** `quick_gelu` is `x sigmoid(1.702 x)`, that of the models by OpenAI; `gelu` the exact one. */
  readonly hidden_act: "quick_gelu" | "gelu";
  /** Added to the variance by every layer norm. */
  readonly layer_norm_eps: number;
}

/** The tower of texts. */
export interface ClipTextConfig extends ClipTowerConfig {
  /** L, most tokens of a text, its two ends included. */
  readonly max_position_embeddings: number;
  /** V. */
  readonly vocab_size: number;
  /** The token that ends a text; 2 stands for the highest id of each text, see `ClipTextTower`. */
  readonly eos_token_id: number;
}

/** The `eos_token_id` of old config.json files, which none of their texts holds: the highest id stands for it. */
export const anyHighest = 2;

/** The tower of images. */
export interface ClipVisionConfig extends ClipTowerConfig {
  /** S, height and width in pixels. */
  readonly image_size: number;
  /** Height and width of a patch. */
  readonly patch_size: number;
  /** 3 for RGB. */
  readonly num_channels: number;
}

/** Sizes of a `Clip`, as `config.json` and reference cases hold them. */
export interface ClipConfig {
  /** P, size of the space that images and texts share. */
  readonly projection_dim: number;
  /** First value of the logarithm of the scale of similarities. */
  readonly logit_scale_init_value: number;
  /** The tower of texts. */
  readonly text_config: ClipTextConfig;
  /** The tower of images. */
  readonly vision_config: ClipVisionConfig;
}

const size = z.int().min(1).max(2 ** 24);

/** What both towers have, with the defaults of HuggingFace, which leaves out what has its default value. */
function towerShape(width: number, heads: number) {
  return {
    hidden_size: size.default(width),
    intermediate_size: size.default(4 * width),
    num_hidden_layers: size.max(1000).default(12),
    num_attention_heads: size.default(heads),
    hidden_act: z.enum(["quick_gelu", "gelu"]).default("quick_gelu"),
    layer_norm_eps: z.number().min(0).default(1e-5),
  };
}

/**
 * {@link ClipConfig} as files hold it: what a file leaves out is that of ViT-B/32, what it has more is passed over. Sizes
 * that make no model are refused.
 */
export const clipConfigSchema = z.object({
  projection_dim: size.default(512),
  logit_scale_init_value: z.number().default(2.6592), // ln(1 / 0.07)
  text_config: z.object({
    ...towerShape(512, 8),
    max_position_embeddings: size.default(77),
    vocab_size: size.default(49408),
    eos_token_id: z.int().min(0).default(49407),
  }).prefault({}),
  vision_config: z.object({
    ...towerShape(768, 12),
    image_size: size.default(224),
    patch_size: size.default(32),
    num_channels: size.default(3),
  }).prefault({}),
}).superRefine((config, context) => {
  const found = misfit(config);
  if (found) context.addIssue({ code: "custom", path: [...found.path], message: found.wanted });
}) satisfies z.ZodType<ClipConfig>;

/** The published models by OpenAI (arXiv 2103.00020, table 20): 151 M, 150 M, 428 M and 428 M parameters. */
export const clipPresets: Readonly<Record<string, ClipConfig>> = {
  "ViT-B/32": clipConfigSchema.parse({}),
  "ViT-B/16": clipConfigSchema.parse({ vision_config: { patch_size: 16 } }),
  "ViT-L/14": largeClip(224),
  "ViT-L/14@336px": largeClip(336),
};

function largeClip(image_size: number): ClipConfig {
  return clipConfigSchema.parse({
    projection_dim: 768,
    text_config: { hidden_size: 768, intermediate_size: 3072, num_attention_heads: 12 },
    vision_config: {
      ...{ hidden_size: 1024, intermediate_size: 4096, num_hidden_layers: 24, num_attention_heads: 16 },
      ...{ image_size, patch_size: 14 },
    },
  });
}

/** Patches along a side of an image. */
export function clipGrid({ image_size, patch_size }: ClipVisionConfig): number {
  return Math.floor(image_size / patch_size);
}

/** Checks a config. @throws {RangeError} for sizes that make no model. */
export function checkClipConfig(config: ClipConfig): void {
  const found = misfit(config);
  if (found) throw new RangeError(`Cannot make a CLIP: ${found.path.join(".")} ${found.wanted}`);
}

/** The first size that makes no model with the others, and what it must be; null where all fit. */
function misfit(
  { text_config, vision_config }: ClipConfig,
): { readonly path: readonly string[]; readonly wanted: string } | null {
  for (const [tower, { hidden_size, num_attention_heads }] of Object.entries({ text_config, vision_config })) {
    if (hidden_size % num_attention_heads === 0) continue;
    return {
      path: [tower, "hidden_size"],
      wanted: `must be a multiple of num_attention_heads, got ${hidden_size} and ${num_attention_heads}`,
    };
  }
  const { image_size, patch_size } = vision_config;
  if (patch_size <= image_size) return null;
  return {
    path: ["vision_config", "patch_size"],
    wanted: `must be at most image_size, got ${patch_size} and ${image_size}`,
  };
}

/**
 * The sizes that a config.json tells.
 *
 * @param value its JSON.
 * @param file names it in errors.
 * @throws {UserError} where it is of another model.
 */
export function parseClipConfig(value: unknown, file: string): ClipConfig {
  const { data, error } = clipConfigSchema.safeParse(value);
  if (data) return data;
  const { path, message } = error.issues[0]!;
  const why = [...path.map(String), message].join(": ");
  throw new UserError(`Cannot load a CLIP by ${file}: ${why}; name the config.json of a CLIPModel`, { cause: error });
}

/** Shapes of a CLIP's parameters by the names of HuggingFace's `CLIPModel`. */
export function clipShapes({ projection_dim, text_config, vision_config }: ClipConfig): Map<string, Shape> {
  const shapes = new Map<string, Shape>([["logit_scale", []]]);
  const text = text_config.hidden_size, vision = vision_config.hidden_size;
  const { patch_size, num_channels } = vision_config;
  const norm = (name: string, width: number) => shapes.set(`${name}.weight`, [width]).set(`${name}.bias`, [width]);
  shapes.set("text_model.embeddings.token_embedding.weight", [text_config.vocab_size, text]);
  shapes.set("text_model.embeddings.position_embedding.weight", [text_config.max_position_embeddings, text]);
  addLayers(shapes, "text_model", text_config);
  norm("text_model.final_layer_norm", text);
  shapes.set("vision_model.embeddings.class_embedding", [vision]);
  shapes.set("vision_model.embeddings.patch_embedding.weight", [vision, num_channels, patch_size, patch_size]);
  shapes.set("vision_model.embeddings.position_embedding.weight", [clipGrid(vision_config) ** 2 + 1, vision]);
  norm("vision_model.pre_layrnorm", vision); // spelt so in the files
  addLayers(shapes, "vision_model", vision_config);
  norm("vision_model.post_layernorm", vision);
  shapes.set("visual_projection.weight", [projection_dim, vision]);
  return shapes.set("text_projection.weight", [projection_dim, text]);
}

function addLayers(
  shapes: Map<string, Shape>,
  tower: string,
  { hidden_size: width, intermediate_size: inner, num_hidden_layers }: ClipTowerConfig,
): void {
  const add = (name: string, shape: Shape) => shapes.set(`${name}.weight`, shape).set(`${name}.bias`, [shape[0]!]);
  for (let l = 0; l < num_hidden_layers; l++) {
    const layer = `${tower}.encoder.layers.${l}`;
    for (const name of ["q_proj", "k_proj", "v_proj", "out_proj"]) add(`${layer}.self_attn.${name}`, [width, width]);
    add(`${layer}.layer_norm1`, [width]);
    add(`${layer}.mlp.fc1`, [inner, width]);
    add(`${layer}.mlp.fc2`, [width, inner]);
    add(`${layer}.layer_norm2`, [width]);
  }
}
