import type { Digits } from "../data/digits.ts";
import type { Judge } from "../models/judge.ts";
import type { Device } from "../tensor/device.ts";
import { type BootstrapInterval, bootstrapInterval, meanInterval } from "./bootstrap.ts";
import { type Classification, classify, scoreOf } from "./classify.ts";
import { type LabelledImages, relativeDiversity } from "./diversity.ts";
import { RealDigits } from "./evaluate_digits.ts";
import { frechetDistance, frechetStatistics } from "./frechet.ts";
import { frechetOfResamples } from "./frechet_interval.ts";
import { inceptionScore } from "./inception_score.ts";
import { kernelDistance } from "./kid.ts";
import { precisionRecall } from "./precision_recall.ts";

/** A measured value with its 95 % bootstrap interval. */
export interface Estimate {
  /** The figure. */
  readonly value: number;
  /** Lower end. */
  readonly low: number;
  /** Upper end. */
  readonly high: number;
}

/** The two measures that every set of pictures gets. */
export interface BriefScore {
  /** Share of pictures that the judge reads as the wanted class. */
  readonly accuracy: number;
  /** Frechet distance from the training digits on the judge's features; falls with the number of pictures. */
  readonly frechet: number;
}

/** What a method's pictures are worth: means over the seeds. */
export interface FullScore {
  /** Share of pictures that the judge reads as the wanted class. */
  readonly accuracy: Estimate;
  /** Frechet distance from the training digits on the judge's features; falls with the number of pictures. */
  readonly frechet: Estimate;
  /** Both by themselves for each seed. */
  readonly by_seed: { readonly accuracy: number[]; readonly frechet: number[] };
  /** Kernel distance, see `kernelDistance`; of the first 2,000 pictures, as precision and recall. */
  readonly kid: number;
  /** On the judge's classes, see `inceptionScore`. */
  readonly inception_score: number;
  /** See `precisionRecall`. */
  readonly precision: number;
  /** See `precisionRecall`. */
  readonly recall: number;
  /** Within the classes, relative to real digits: see `relativeDiversity`. */
  readonly diversity: number;
}

/** Pictures of a side of what compares pairs, KID, precision and recall: their time goes with the square. */
const mostForPairs = 2000;
/**
 * Resamples of Frechet distances: at 5,000 pictures of 128 features one takes about 36 ms. An end of the 95 % interval lies
 * on two or three of a hundred resamples and is itself off by about a tenth of the interval.
 */
const frechetResamples = 100;

/** Measures what methods paint by a judge that no reward has seen, and against real digits. */
export class MethodYardstick {
  private constructor(
    private readonly device: Device,
    private readonly judge: Judge,
    private readonly real: RealDigits,
    /** Features of real digits, evenly from all classes, for what compares pairs. */
    private readonly realFeatures: Float32Array,
    /** Of as many held-out real digits: what a perfect painter reaches. */
    readonly heldOut: BriefScore,
  ) {}

  /**
   * Measures real digits: training digits as the reference, `samples` held-out ones as what can be reached.
   *
   * @param samples pictures that each method will be scored with.
   * @throws {UserError} where a class of the training digits has no held-out ones.
   */
  static async measure(
    device: Device,
    judge: Judge,
    digits: { readonly train: Digits; readonly test: Digits },
    samples: number,
  ): Promise<MethodYardstick> {
    const real = await RealDigits.measure(device, judge, digits, samples);
    const [features] = await classify(device, [judge], evenly(real.examples, Math.min(samples, mostForPairs)));
    const [seen] = await classify(device, [judge], real.heldOut.images);
    const { accuracy } = scoreOf(seen!, real.heldOut.labels);
    return new MethodYardstick(device, judge, real, features!.features, { accuracy, frechet: real.frechetFloor });
  }

  /** Scores pictures in brief. */
  async brief(pictures: LabelledImages): Promise<BriefScore> {
    const seen = await this.#classify(pictures);
    const statistics = frechetStatistics(seen.features, dimensionsOf(seen));
    return {
      accuracy: scoreOf(seen, pictures.labels).accuracy,
      frechet: frechetDistance(this.real.statistics, statistics),
    };
  }

  /**
   * Scores sets of equally many pictures, one for each seed, whose labels agree. Every set is measured by itself, since
   * Frechet distances depend on the number of pictures; the figure is the mean over the sets, and a resample draws the
   * same picture numbers from all of them, so that the interval is that of the mean. The first numbers are drawn alike
   * for all methods.
   */
  async full(sets: readonly LabelledImages[]): Promise<FullScore> {
    const seen: Classification[] = [];
    for (const set of sets) seen.push(await this.#classify(set));
    const labels = sets[0]!.labels, count = labels.length, dimensions = dimensionsOf(seen[0]!);
    const hits = Float64Array.from({ length: count }, (_, n) => mean(seen.map((each) => hit(each, labels, n))));
    const distances = seen.map(({ features }) => frechetOfResamples(this.real.statistics, features, dimensions));
    const key = [0, 0x6576] as const;
    const frechet = bootstrapInterval(count, (drawn) => mean(distances.map((distance) => distance(drawn))), {
      key,
      resamples: frechetResamples,
      centred: true,
    });
    const spreads = seen.map(({ features }) => {
      const few = features.subarray(0, Math.min(count, mostForPairs) * dimensions);
      return {
        kid: kernelDistance(this.realFeatures, few, dimensions),
        ...precisionRecall(this.realFeatures, few, dimensions),
      };
    });
    return {
      accuracy: estimateOf(meanInterval(hits, { key })),
      frechet: estimateOf(frechet),
      by_seed: {
        accuracy: seen.map((each) => scoreOf(each, labels).accuracy),
        frechet: distances.map((distance) => distance(new Uint32Array(count).fill(1))),
      },
      kid: mean(spreads.map(({ kid }) => kid)),
      inception_score: mean(seen.map(({ probabilities }) => inceptionScore(probabilities, classes))),
      precision: mean(spreads.map(({ precision }) => precision)),
      recall: mean(spreads.map(({ recall }) => recall)),
      diversity: mean(sets.map((set) => relativeDiversity(set, this.real.examples))),
    };
  }

  async #classify({ images }: LabelledImages): Promise<Classification> {
    const [seen] = await classify(this.device, [this.judge], images);
    return seen!;
  }
}

/** Of a judge of digits. */
const classes = 10;

function dimensionsOf({ features, probabilities }: Classification): number {
  return features.length / (probabilities.length / classes);
}

/** 1 where the most probable class of picture n is the wanted one. */
function hit({ probabilities }: Classification, labels: Uint8Array, n: number): number {
  const row = probabilities.subarray(n * classes, (n + 1) * classes);
  return row.indexOf(Math.max(...row)) === labels[n] ? 1 : 0;
}

function estimateOf({ estimate: value, low, high }: BootstrapInterval): Estimate {
  return { value, low, high };
}

/** The images of `count` digits, at equal distances in their list. */
function evenly({ images, labels }: LabelledImages, count: number): Uint8Array {
  const area = images.length / labels.length, out = new Uint8Array(Math.min(count, labels.length) * area);
  const stride = area * labels.length / out.length;
  for (let i = 0; i * area < out.length; i++) {
    const from = Math.floor(i * stride) * area;
    out.set(images.subarray(from, from + area), i * area);
  }
  return out;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
