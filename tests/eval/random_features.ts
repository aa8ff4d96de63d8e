import { seededRandom } from "../support/random.ts";

/** Features `[count, dimensions]` of a bell-shaped distribution round `centre`, the same for the same seed. */
export function randomFeatures(count: number, dimensions: number, seed: number, centre = 0): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: count * dimensions }, () => random() + random() + random() - 1.5 + centre);
}
