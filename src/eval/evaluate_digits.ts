import type { Digits } from "../data/digits.ts";
import { UserError } from "../error.ts";
import type { Judge } from "../models/judge.ts";
import type { Device } from "../tensor/device.ts";
import { classify, type JudgeScore, scoreOf } from "./classify.ts";
import { type LabelledImages, relativeDiversity } from "./diversity.ts";
import { frechetDistance, type FrechetStatistics, frechetStatistics } from "./frechet.ts";

/** What a set of painted digits is worth. */
export interface DigitsScore {
  /** Under judge A, the one of the reward. */
  readonly a: JudgeScore;
  /** Under judge B, which no reward has seen. */
  readonly b: JudgeScore;
  /** Frechet distance from real digits on judge B's features; see `RealDigits`. */
  readonly frechet: number;
  /** Diversity within the classes relative to real digits, see `relativeDiversity`. */
  readonly diversity: number;
}

/** Real digits to compare with: each class with equal weight, as painted sets have it. */
export class RealDigits {
  private constructor(
    /** Of judge B's features of the training digits. */
    readonly statistics: FrechetStatistics,
    /** Frechet distance of `heldOut` from the training digits: what a perfect painter scores with as many. */
    readonly frechetFloor: number,
    /** The training digits. */
    readonly examples: LabelledImages,
    /** The held-out digits that the floor was measured with. */
    readonly heldOut: LabelledImages,
  ) {}

  /**
   * Measures the reference with judge B: training digits, of every class as many as the rarest has, against `samples` of
   * the held-out ones, of every class as many as of any other; a class with too few of them repeats.
   *
   * @param samples as many as the painted pictures will be; rounded up to whole classes.
   * @throws {UserError} where a class of the training digits has no held-out ones.
   */
  static async measure(
    device: Device,
    judge: Judge,
    { train, test }: { readonly train: Digits; readonly test: Digits },
    samples = 1000,
  ): Promise<RealDigits> {
    const rows = rowsByClass(train), heldOut = rowsByClass(test);
    const missing = [...rows.keys()].filter((label) => !heldOut.has(label));
    if (missing.length) {
      throw new UserError(
        `Cannot compare with real digits: no test digits of class ${missing.join(", ")}; raise data.test`,
      );
    }
    const rarest = Math.min(...[...rows.values()].map(({ length }) => length));
    const examples = pick(train, rows, rarest);
    const sample = pick(test, heldOut, Math.ceil(samples / heldOut.size));
    const statistics = await judgeStatistics(device, judge, examples);
    const floor = frechetDistance(statistics, await judgeStatistics(device, judge, sample));
    return new RealDigits(statistics, floor, examples, sample);
  }
}

/**
 * Scores painted digits `[N, S^2]`, each with the class it was painted for, under both judges and against real ones.
 * Frechet distances fall with the number of pictures: compare sets of one size, and with the floor sets of 1,000.
 *
 * @throws {RangeError} for a class with fewer than two pictures.
 */
export async function evaluateDigits(
  device: Device,
  judges: { readonly a: Judge; readonly b: Judge },
  painted: LabelledImages,
  real: RealDigits,
): Promise<DigitsScore> {
  const [a, b] = await classify(device, [judges.a, judges.b], painted.images);
  return {
    a: scoreOf(a!, painted.labels),
    b: scoreOf(b!, painted.labels),
    frechet: frechetDistance(real.statistics, statisticsOf(b!.features, painted.labels.length)),
    diversity: relativeDiversity(painted, real.examples),
  };
}

async function judgeStatistics(
  device: Device,
  judge: Judge,
  { images, labels }: LabelledImages,
): Promise<FrechetStatistics> {
  const [seen] = await classify(device, [judge], images);
  return statisticsOf(seen!.features, labels.length);
}

/** Statistics of features `[count, F]`. */
function statisticsOf(features: Float32Array, count: number): FrechetStatistics {
  return frechetStatistics(features, features.length / count);
}

/** Positions of the digits of each class. */
function rowsByClass({ labels }: Digits): Map<number, number[]> {
  return Map.groupBy(labels.keys(), (n) => labels[n]!);
}

/** The first `count` digits of each class, from the first again where they do not suffice. */
function pick({ images, size }: Digits, rows: ReadonlyMap<number, readonly number[]>, count: number): LabelledImages {
  const area = size * size;
  const picked = { images: new Uint8Array(rows.size * count * area), labels: new Uint8Array(rows.size * count) };
  let at = 0;
  for (const [label, positions] of rows) {
    for (let i = 0; i < count; i++, at++) {
      const from = positions[i % positions.length]!;
      picked.images.set(images.subarray(from * area, (from + 1) * area), at * area);
      picked.labels[at] = label;
    }
  }
  return picked;
}
