import { byteOf } from "../data/pixel_sequences.ts";
import type { LstmGenerator } from "../models/lstm_generator.ts";
import type { Device } from "../tensor/device.ts";

/** Pictures that a model painted. */
export interface PaintedDigits {
  /** `[N, T]` grey levels as bytes. */
  readonly images: Uint8Array;
  /** `[N]`, the class each was painted for. */
  readonly labels: Uint8Array;
}

/** Images in a batch on the device. */
const batchSize = 250;

/** `count` labels, the same number of each class, in turn: 0, 1, 2, ... */
export function balancedLabels(count: number, classes: readonly number[]): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => classes[i % classes.length]!);
}

/**
 * Paints a picture for every label, all on the device, one readback a batch. Picture i depends on the seed, i and its
 * label only, so the same seed shows how a model changes.
 */
export async function paintDigits(
  device: Device,
  model: LstmGenerator,
  labels: Uint8Array,
  options: { readonly seed: number; readonly temperature: number },
): Promise<PaintedDigits> {
  const { seed, temperature } = options;
  const { pixels, levels } = model.config;
  const images = new Uint8Array(labels.length * pixels);
  for (let start = 0; start < labels.length; start += batchSize) {
    using _batch = device.scope();
    const part = labels.subarray(start, start + batchSize);
    const { tokens } = model.generate(
      device.tensor(Int32Array.from(part)),
      device.tensor(Int32Array.from(part, (_, i) => start + i)),
      { temperature, key: { seed, stream: 0, purpose: 2 } },
    );
    images.set((await tokens.data()).map((level) => byteOf(level, levels)), start * pixels);
  }
  return { images, labels };
}
