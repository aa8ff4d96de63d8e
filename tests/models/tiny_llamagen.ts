import { LlamaGen } from "../../src/models/llamagen.ts";
import type { LlamaGenConfig } from "../../src/models/llamagen_config.ts";
import { Initializer } from "../../src/nn/init.ts";
import type { Device } from "../../src/tensor/device.ts";
import { seededRandom } from "../support/random.ts";

/** Pictures of 3x3 tokens out of 20, 4 classes. */
export const tinyConfig: LlamaGenConfig = {
  dim: 24,
  layers: 2,
  heads: 3,
  multiple_of: 16,
  vocab: 20,
  classes: 4,
  cells: 9,
};

/** A model whose distributions are far from uniform. */
export function tinyLlamaGen(device: Device, changes: Partial<LlamaGenConfig> = {}): LlamaGen {
  const model = new LlamaGen(new Initializer(device, 1), { ...tinyConfig, ...changes });
  const random = seededRandom(5);
  for (const [name, tensor] of model.parameters()) {
    const [middle, spread] = name.endsWith("norm.weight") ? [1, 0.3] : [0, 0.5];
    tensor.write(Float32Array.from({ length: tensor.size }, () => middle + spread * (2 * random() - 1)));
  }
  return model;
}
