import { type Spread, spreadOf } from "./feature_subsets.ts";
import { inceptionScore } from "./inception_score.ts";

/** Pictures in a split; 50,000 samples make ten, as published scores take them. */
const splitSize = 5000;

/**
 * Inception score of pictures that come in batches: the mean of `inceptionScore` over splits of 5,000 in their order, as
 * ADM's evaluator takes it; the last split may be smaller and counts alike. Keeps the probabilities of one split.
 */
export class InceptionSplits {
  readonly #split: Float32Array;
  #pending = 0;
  readonly #scores: number[] = [];

  /** Nothing yet, of rows of `classes` probabilities. */
  constructor(readonly classes: number) {
    this.#split = new Float32Array(splitSize * classes);
  }

  /** Takes rows `[N, C]`. @throws {RangeError} for rows that are no probabilities, at the end of their split. */
  add(probabilities: Float32Array): void {
    for (let start = 0; start < probabilities.length; start += this.classes) {
      this.#split.set(probabilities.subarray(start, start + this.classes), this.#pending * this.classes);
      if (++this.#pending === splitSize) this.#close();
    }
  }

  /** Mean and standard deviation over the splits. @throws {RangeError} where no row came. */
  score(): Spread {
    if (this.#pending > 0) this.#close();
    if (this.#scores.length === 0) throw new RangeError("Cannot take the inception score: no picture came");
    return spreadOf(this.#scores);
  }

  #close(): void {
    this.#scores.push(inceptionScore(this.#split.subarray(0, this.#pending * this.classes), this.classes));
    this.#pending = 0;
  }
}
