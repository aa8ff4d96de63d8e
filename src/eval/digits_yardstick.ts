import type { Digits } from "../data/digits.ts";
import type { Judge } from "../models/judge.ts";
import type { Device } from "../tensor/device.ts";
import { classify, type JudgeScore, scoreOf } from "./classify.ts";
import { type LabelledImages, relativeDiversity } from "./diversity.ts";
import { RealDigits } from "./evaluate_digits.ts";
import { frechetDistance, frechetStatistics } from "./frechet.ts";

/** What a set of pictures is worth under a held-out judge and beside real digits. */
export interface PictureScore extends JudgeScore {
  /** Frechet distance from the training digits on the judge's features; falls with the number of pictures. */
  readonly frechet: number;
  /** Diversity within the classes relative to real digits, see `relativeDiversity`. */
  readonly diversity: number;
}

/**
 * Measures pictures of digits by a judge that no reward has seen, and against real digits. Scores of sets of one size
 * compare with each other; those of `samples` pictures compare with `heldOut` as well.
 */
export class DigitsYardstick {
  private constructor(
    private readonly device: Device,
    private readonly judge: Judge,
    private readonly real: RealDigits,
    /** The score of `samples` held-out real digits: what a perfect painter reaches. Its `frechet` is the floor. */
    readonly heldOut: PictureScore,
  ) {}

  /**
   * Measures real digits: training digits as the reference, `samples` held-out ones as the floor, each class with equal
   * weight; a class with too few held-out digits repeats.
   *
   * @param judge held out of every reward; sees pictures of the digits' size.
   * @throws {UserError} where a class of the training digits has no held-out ones.
   */
  static async measure(
    device: Device,
    judge: Judge,
    digits: { readonly train: Digits; readonly test: Digits },
    samples = 2000,
  ): Promise<DigitsYardstick> {
    const real = await RealDigits.measure(device, judge, digits, samples);
    return new DigitsYardstick(device, judge, real, await score(device, judge, real, real.heldOut));
  }

  /**
   * Scores pictures `[N, S^2]` of grey levels, each with the class it was painted for.
   *
   * @throws {RangeError} for a class with fewer than two pictures.
   */
  score(pictures: LabelledImages): Promise<PictureScore> {
    return score(this.device, this.judge, this.real, pictures);
  }
}

async function score(device: Device, judge: Judge, real: RealDigits, pictures: LabelledImages): Promise<PictureScore> {
  const [seen] = await classify(device, [judge], pictures.images);
  const { features } = seen!;
  const statistics = frechetStatistics(features, features.length / pictures.labels.length);
  return {
    ...scoreOf(seen!, pictures.labels),
    frechet: frechetDistance(real.statistics, statistics),
    diversity: relativeDiversity(pictures, real.examples),
  };
}
