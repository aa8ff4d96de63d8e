import type { Digits } from "../../src/data/digits.ts";
import { LstmGenerator, type LstmGeneratorConfig } from "../../src/models/lstm_generator.ts";
import { Initializer } from "../../src/nn/init.ts";
import type { Module } from "../../src/nn/module.ts";
import type { Device } from "../../src/tensor/device.ts";
import { seededRandom } from "../support/random.ts";

/** Pictures of 4x4 pixels, 8 grey levels, 3 classes. */
export const tinyConfig: LstmGeneratorConfig = {
  levels: 8,
  classes: 3,
  pixels: 16,
  hidden: 16,
  layers: 1,
  input: "contextual",
};

/** A generator with weights in (-spread, spread): the larger, the further its distributions are from uniform. */
export function tinyGenerator(device: Device, changes: Partial<LstmGeneratorConfig> = {}, spread = 0.6): LstmGenerator {
  const model = new LstmGenerator(new Initializer(device, 1), { ...tinyConfig, ...changes });
  const random = seededRandom(5);
  for (const tensor of model.parameters().values()) {
    tensor.write(Float32Array.from({ length: tensor.size }, () => spread * (2 * random() - 1)));
  }
  return model;
}

/** Pictures of 4x4 pixels: class c has rows of brightness that rise with c, over weak noise. */
export function tinyDigits(count: number): Digits {
  const random = seededRandom(7);
  const labels = Uint8Array.from({ length: count }, (_, n) => n % 3);
  const images = Uint8Array.from({ length: count * 16 }, (_, i) => 60 * labels[Math.floor(i / 16)]! + 60 * random());
  return { images, labels, size: 4, count };
}

/** All parameters of a model, one after the other. */
export async function valuesOf(model: Module): Promise<number[]> {
  const tensors = [...model.parameters().values()];
  return (await tensors[0]!.device.read(tensors)).flatMap((data) => [...data]);
}
