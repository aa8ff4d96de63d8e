/**
 * Inception score of class probabilities `[N, C]` in one split, `exp(mean_n KL(p_n || mean p))` (Salimans et al. 2016,
 * arXiv 1606.03498, section 4; the name is that of the classifier used there). From 1, where all pictures look alike to
 * the classifier or like nothing, to C, where it is sure of each and all classes occur alike. It sees neither real data
 * nor differences within a class: read it beside the Frechet distance. A probability of 0 counts nothing.
 *
 * @throws {RangeError} for a length that is no positive multiple of C, and for rows that are no probabilities.
 */
export function inceptionScore(probabilities: ArrayLike<number>, classes: number): number {
  const count = probabilities.length / classes;
  if (!Number.isInteger(count) || count < 1) {
    throw new RangeError(
      `Cannot take the inception score: wanted whole rows of ${classes} probabilities, got ${probabilities.length}`,
    );
  }
  const mean = new Float64Array(classes);
  let negativeEntropy = 0;
  for (let n = 0; n < count; n++) {
    let total = 0;
    for (let c = 0; c < classes; c++) {
      const p = probabilities[n * classes + c]!;
      total += p;
      mean[c]! += p / count;
      if (p > 0) negativeEntropy += p * Math.log(p) / count;
      else if (p < 0) total = NaN;
    }
    if (!(Math.abs(total - 1) < 1e-3)) {
      throw new RangeError(
        `Cannot take the inception score: row ${n} must hold probabilities that sum to 1; apply softmax to logits`,
      );
    }
  }
  // The mean over n of sum_c p_nc (log p_nc - log mean_c): the second term only needs the mean.
  const cross = mean.reduce((sum, p) => p > 0 ? sum + p * Math.log(p) : sum, 0);
  return Math.exp(negativeEntropy - cross);
}
