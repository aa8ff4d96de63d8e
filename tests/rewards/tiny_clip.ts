import { writeSafetensors } from "../../src/io/safetensors.ts";
import { toHost } from "../../src/jobs/run_state.ts";
import { Clip } from "../../src/models/clip.ts";
import { clipConfigSchema } from "../../src/models/clip_config.ts";
import { ClipTokenizer } from "../../src/models/clip_tokenizer.ts";
import { Initializer } from "../../src/nn/init.ts";
import type { Device } from "../../src/tensor/device.ts";

const digits = Array.from({ length: 10 }, (_, i) => String(i));
const words = [...digits, "<unk>", "a", "photo", "of", "drawing", "cat", "dog", "big", "bird", "<start>", "<end>"];
const [start, end] = [words.indexOf("<start>"), words.indexOf("<end>")];

/** Sizes of a model of 12x12 pictures and of texts of up to 9 words of {@link tinyTokenizerJson}. */
export const tinyClipConfig = clipConfigSchema.parse({
  projection_dim: 6,
  text_config: {
    ...{ hidden_size: 8, intermediate_size: 12, num_hidden_layers: 2, num_attention_heads: 2 },
    ...{ max_position_embeddings: 9, vocab_size: words.length, eos_token_id: end },
  },
  vision_config: {
    ...{ hidden_size: 8, intermediate_size: 12, num_hidden_layers: 1, num_attention_heads: 2 },
    ...{ image_size: 12, patch_size: 6 },
  },
});

/** A tokenizer.json of a few words. */
export const tinyTokenizerJson = {
  version: "1.0",
  added_tokens: [],
  normalizer: { type: "Lowercase" },
  pre_tokenizer: { type: "WhitespaceSplit" },
  post_processor: {
    type: "TemplateProcessing",
    single: [
      { SpecialToken: { id: "<start>", type_id: 0 } },
      { Sequence: { id: "A", type_id: 0 } },
      { SpecialToken: { id: "<end>", type_id: 0 } },
    ],
    pair: [],
    special_tokens: {
      "<start>": { id: "<start>", ids: [start], tokens: ["<start>"] },
      "<end>": { id: "<end>", ids: [end], tokens: ["<end>"] },
    },
  },
  decoder: null,
  model: { type: "WordLevel", unk_token: "<unk>", vocab: Object.fromEntries(words.map((word, id) => [word, id])) },
};

/** A random CLIP of {@link tinyClipConfig} whose cosines differ. */
export function tinyClip(device: Device): Clip {
  const clip = new Clip(new Initializer(device, 7), tinyClipConfig);
  // First values are small beside the biases of position: larger ones tell words and pictures apart.
  clip.text.tokens.parts[0]!.weight.write(
    Float32Array.from({ length: words.length * 8 }, (_, i) => Math.sin(3 * i * i + 1)),
  );
  return clip;
}

/** The tokenizer of {@link tinyTokenizerJson}. */
export function tinyTokenizer(): ClipTokenizer {
  return new ClipTokenizer(tinyTokenizerJson, "tokenizer.json", tinyClipConfig.text_config);
}

/** Writes {@link tinyClip} as HuggingFace lays it out to `folder`, which must be there. */
export async function writeTinyClip(device: Device, folder: string): Promise<void> {
  await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(tinyClipConfig));
  await Deno.writeTextFile(`${folder}/tokenizer.json`, JSON.stringify(tinyTokenizerJson));
  await writeSafetensors(`${folder}/model.safetensors`, await toHost(device, tinyClip(device).parameters()));
}
