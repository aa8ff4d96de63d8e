import type { Reward } from "../rewards/reward.ts";
import type { Device } from "../tensor/device.ts";

/** Pictures that are measured together. */
export const scoredTogether = 8;

/** A measure of single pictures, by the name it has in tables and metrics. */
export interface PictureMeasure {
  readonly name: string;
  readonly reward: Reward;
}

/**
 * What measures say of pictures, each `[N]`.
 *
 * @param images `[N, S, S, C]` bytes.
 * @param labels `[N]`, the class each was painted for.
 */
export async function scorePictures(
  device: Device,
  measures: readonly PictureMeasure[],
  images: Uint8Array,
  labels: Int32Array,
): Promise<Map<string, Float32Array>> {
  const scores = new Map(measures.map(({ name }) => [name, new Float32Array(labels.length)]));
  const bytes = images.length / labels.length, size = Math.round(Math.sqrt(bytes / channelsOf(bytes)));
  for (let start = 0; start < labels.length; start += scoredTogether) {
    using _scope = device.scope();
    const end = Math.min(start + scoredTogether, labels.length), count = end - start;
    const pixels = planes(images.subarray(start * bytes, end * bytes), count);
    const painted = {
      images: device.tensor(pixels, [count, channelsOf(bytes), size, size]),
      classes: device.tensor(labels.slice(start, end)),
    };
    const found = await device.read(device.noGrad(() => measures.map(({ reward }) => reward.score(painted))));
    measures.forEach(({ name }, i) => scores.get(name)!.set(found[i] as Float32Array, start));
  }
  return scores;
}

/** 3, or 1 where the bytes of a picture are those of a grey square. */
export function channelsOf(bytes: number): 1 | 3 {
  return Number.isInteger(Math.sqrt(bytes)) ? 1 : 3;
}

/** Bytes `[N, S, S, C]` as values in [0, 1], `[N, C, S, S]`. */
function planes(images: Uint8Array, count: number): Float32Array {
  const bytes = images.length / count, channels = channelsOf(bytes), area = bytes / channels;
  const values = new Float32Array(images.length);
  for (let n = 0; n < count; n++) {
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < area; i++) {
        values[n * bytes + c * area + i] = images[n * bytes + i * channels + c]! / 255;
      }
    }
  }
  return values;
}
