import type { Judge } from "../models/judge.ts";
import { softmax } from "../ops/softmax.ts";
import type { Device } from "../tensor/device.ts";

/** What a judge makes of N images. */
export interface Classification {
  /** `[N, 10]`. */
  readonly probabilities: Float32Array;
  /** `[N, F]`, what the last layer sees. */
  readonly features: Float32Array;
}

/** Images in a batch on the device. */
const batchSize = 250;

/**
 * Shows square grey images to judges, in batches with one submit and one readback each.
 *
 * @param images `[N, S^2]` grey levels, S being the size that the judges see.
 * @returns in the order of the judges.
 * @throws {RangeError} for judges of different sizes, and for bytes that are not a whole number of images.
 */
export async function classify(
  device: Device,
  judges: readonly Judge[],
  images: Uint8Array,
): Promise<Classification[]> {
  const size = judges[0]?.size ?? 0, area = size * size;
  const count = images.length / area;
  if (!Number.isInteger(count) || judges.some((judge) => judge.size !== size)) {
    throw new RangeError(
      `Cannot show ${images.length} bytes to judges of ${judges.map((judge) => judge.size).join(" and ")} pixels: ` +
        "wanted whole grey images of the size that all of them see",
    );
  }
  const parts: Float32Array[][] = [];
  for (let start = 0; start < count; start += batchSize) {
    using _batch = device.scope();
    const pixels = Float32Array.from(images.subarray(start * area, (start + batchSize) * area), (level) => level / 255);
    const x = device.tensor(pixels, [pixels.length / area, 1, size, size]);
    const outputs = device.noGrad(() =>
      judges.flatMap((judge) => {
        const features = judge.features(x);
        return [softmax(judge.classify(features)), features];
      })
    );
    parts.push(await device.read(outputs) as Float32Array[]);
  }
  return judges.map((_, j) => ({
    probabilities: concatenate(parts.map((part) => part[2 * j]!)),
    features: concatenate(parts.map((part) => part[2 * j + 1]!)),
  }));
}

function concatenate(arrays: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    out.set(array, at);
    at += array.length;
  }
  return out;
}

/** Agreement of a judge with labels. */
export interface JudgeScore {
  /** Share of images whose most probable class is their label. */
  readonly accuracy: number;
  /** Mean probability of the label. */
  readonly confidence: number;
}

/** Scores probabilities `[N, 10]` against the wanted classes `[N]`. */
export function scoreOf({ probabilities }: Classification, labels: Uint8Array): JudgeScore {
  let hits = 0, confidence = 0;
  labels.forEach((label, n) => {
    const row = probabilities.subarray(n * 10, (n + 1) * 10);
    if (row.indexOf(Math.max(...row)) === label) hits++;
    confidence += row[label]!;
  });
  return { accuracy: hits / labels.length, confidence: confidence / labels.length };
}
