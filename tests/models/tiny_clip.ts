import { type ClipConfig, clipConfigSchema } from "../../src/models/clip_config.ts";

/** A CLIP that tests afford; texts end with id 10. */
export const tinyClip: ClipConfig = clipConfigSchema.parse({
  projection_dim: 5,
  text_config: {
    ...{ hidden_size: 8, intermediate_size: 12, num_hidden_layers: 2, num_attention_heads: 2 },
    ...{ max_position_embeddings: 6, vocab_size: 11, eos_token_id: 10 },
  },
  vision_config: {
    ...{ hidden_size: 12, intermediate_size: 20, num_hidden_layers: 2, num_attention_heads: 3 },
    ...{ image_size: 8, patch_size: 4 },
  },
});

/** {@link tinyClip} with other sizes of a tower. */
export function clipWith(
  changes: { text?: Partial<ClipConfig["text_config"]>; vision?: Partial<ClipConfig["vision_config"]> },
): ClipConfig {
  const { text_config, vision_config } = tinyClip;
  return {
    ...tinyClip,
    text_config: { ...text_config, ...changes.text },
    vision_config: { ...vision_config, ...changes.vision },
  };
}
