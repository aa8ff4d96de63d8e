import { levelOf } from "../data/pixel_sequences.ts";
import type { PaintedDigits } from "../eval/paint_digits.ts";
import type { LstmGenerator } from "../models/lstm_generator.ts";
import { categoricalKl } from "../ops/categorical_kl.ts";
import { mean } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import { RolloutRows } from "../rl/pixel_rollout.ts";
import type { Device } from "../tensor/device.ts";
import { philox } from "../tensor/philox.ts";

/** Images in a batch on the device. */
const batchSize = 100;

/**
 * Mean divergence `KL(model || reference)` over the pixels of pictures that the model painted, in nats a pixel, exact
 * over the grey levels. `null` stands for uniformly random pixels.
 */
export async function divergence(
  device: Device,
  model: LstmGenerator | null,
  reference: LstmGenerator,
  { images, labels }: PaintedDigits,
): Promise<number> {
  const { pixels, levels } = reference.config;
  let sum = 0;
  for (let start = 0; start < labels.length; start += batchSize) {
    using _batch = device.scope();
    const part = [...labels.subarray(start, start + batchSize)];
    const rows = new RolloutRows(device, reference, part);
    const bytes = images.subarray(start * pixels, (start + part.length) * pixels);
    const tokens = device.tensor(Int32Array.from(bytes, (byte) => levelOf(byte, levels)), [part.length, pixels]);
    const found = device.noGrad(() => {
      const shape = [part.length * pixels, levels];
      const own = model ? reshape(rows.logits(model, tokens, 1), shape) : device.zeros(shape);
      return mean(categoricalKl(own, reshape(rows.logits(reference, tokens, 1), shape)));
    });
    sum += await found.item() * part.length;
  }
  return sum / labels.length;
}

/** Pictures of independent uniformly random bytes. */
export function randomPixels(labels: Uint8Array, pixels: number, seed: number): PaintedDigits {
  const images = new Uint8Array(labels.length * pixels);
  for (let i = 0; i < images.length; i += 4) {
    images.set(philox([i / 4, 0, 0, 0], [seed, 0]).map((word) => word >>> 24), i);
  }
  return { images, labels };
}
