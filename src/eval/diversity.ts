/** Labelled images for comparison: `[N, area]` grey levels, and the class of each. */
export interface LabelledImages {
  /** Grey levels, image by image. */
  readonly images: Uint8Array;
  /** The class of each image. */
  readonly labels: Uint8Array;
}

/**
 * Diversity within classes relative to real images: the mean Euclidean distance in pixels between two images of a class,
 * divided by that of real images of the class, averaged over the classes of `generated`. 1 is as diverse as reality, 0
 * is one picture a class.
 *
 * Pixels rather than a judge's features: a classifier is trained to remove the differences within a class, and the
 * figure stays comparable between judges. Noise counts as diversity: read it beside accuracy and Frechet distance.
 *
 * O(N^2) distances a class, over at most the first 200 images of each.
 *
 * @throws {RangeError} for a class with fewer than two images on either side, or whose real images are all equal.
 */
export function relativeDiversity(generated: LabelledImages, real: LabelledImages): number {
  const classes = [...new Set(generated.labels)];
  let sum = 0;
  for (const label of classes) {
    const reference = meanPairwiseDistance(imagesOf(real, label, "real"));
    if (reference === 0) {
      throw new RangeError(`Cannot measure diversity of class ${label}: its real images must differ, all are equal`);
    }
    sum += meanPairwiseDistance(imagesOf(generated, label, "generated")) / reference / classes.length;
  }
  return sum;
}

const mostImages = 200;

function imagesOf({ images, labels }: LabelledImages, label: number, what: string): Uint8Array[] {
  const area = images.length / labels.length;
  const found: Uint8Array[] = [];
  for (let n = 0; n < labels.length && found.length < mostImages; n++) {
    if (labels[n] === label) found.push(images.subarray(n * area, (n + 1) * area));
  }
  if (found.length < 2) {
    throw new RangeError(
      `Cannot measure diversity of class ${label}: wanted at least 2 ${what} images, got ${found.length}`,
    );
  }
  return found;
}

function meanPairwiseDistance(images: readonly Uint8Array[]): number {
  let sum = 0;
  for (let i = 1; i < images.length; i++) {
    for (let j = 0; j < i; j++) sum += distance(images[i]!, images[j]!);
  }
  return sum / (images.length * (images.length - 1) / 2);
}

function distance(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return Math.sqrt(sum);
}
