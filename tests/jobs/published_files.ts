import { openPainter } from "../../src/jobs/open_painter.ts";
import type { ArpgConfig } from "../../src/models/arpg_config.ts";
import { type VqConfig, vqConfigSchema } from "../../src/models/vq_config.ts";
import { VqTokenizer } from "../../src/models/vq_tokenizer.ts";
import { Initializer } from "../../src/nn/init.ts";
import { toHost } from "../../src/jobs/run_state.ts";
import type { HostTensor } from "../../src/tensor/host_tensor.ts";
import { sizeOf } from "../../src/tensor/shape.ts";
import { dict, integer, type Pickled, storage, string, tensor, torchArchive } from "../io/torch_archive.ts";
import { tinyArpg } from "../models/tiny_arpg.ts";
import { testDevice } from "../support/device.ts";

/** Weights by name. */
export type Weights = Map<string, HostTensor>;

/** A small ARPG of the published form: its sizes can be told from its tensors. */
export const smallArpg: ArpgConfig = {
  dim: 64,
  layers: 2,
  heads: 1,
  multiple_of: 256,
  vocab: 16,
  classes: 1000,
  cells: 256,
  position: "none",
};

/** A small tokenizer of the published form, for 32x32 pixels. */
export const smallVq: VqConfig = vqConfigSchema.parse({
  ch: 32,
  ch_mult: [1, 1],
  num_res_blocks: 1,
  codebook_size: 16,
  codebook_embed_dim: 8,
  z_channels: 8,
});

/** Random weights of both, float16 values so that files of any type hold them exactly. */
export async function smallWeights(): Promise<{ arpg: Weights; vq: Weights }> {
  const device = await testDevice();
  const rounded = (weights: Weights) => {
    for (const { data } of weights.values()) data.set(Float16Array.from(data));
    return weights;
  };
  const vq = new VqTokenizer(new Initializer(device, 1), smallVq);
  return {
    arpg: rounded(await toHost(device, tinyArpg(device, smallArpg).parameters())),
    vq: rounded(await toHost(device, vq.parameters())),
  };
}

/**
 * A checkpoint as torch.save writes it, the weights under `key` beside what training scripts add, or at the top level.
 *
 * @param type of its storages.
 */
export function torchFile(
  weights: Weights,
  key: "model" | "module" | "state_dict" | null,
  type: "FloatStorage" | "HalfStorage" = "FloatStorage",
): Uint8Array<ArrayBuffer> {
  const storages: Record<string, ArrayBufferView<ArrayBuffer>> = {};
  const entries: Record<string, Pickled> = {};
  [...weights].forEach(([name, { shape, data }], i) => {
    const elements = type === "HalfStorage" ? Float16Array.from(data) : Float32Array.from(data);
    storages[i] = elements;
    const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
    entries[name] = tensor(storage(type, `${i}`, elements.length), 0, [...shape], strides);
  });
  const state = dict(entries);
  return torchArchive(key ? dict({ [key]: state, steps: integer(7), name: string("small") }) : state, storages);
}

/** The first picture that a model file and a tokenizer file paint. */
export async function paintOne(model: string, tokenizer: string) {
  using painter = await openPainter(await testDevice(), model, tokenizer);
  const { codes, images } = await painter.paint([7], {
    schedule: "arccos",
    steps: 4,
    order: "random",
    guidance: { scale: 2, form: "constant" },
    temperature: 1,
    seed: 3,
  });
  return { model: painter.model.config, tokenizer: painter.tokenizer.config, codes, images };
}
