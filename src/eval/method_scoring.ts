import type { ArpgPainter } from "./arpg_painter.ts";
import type { DecodingMethod, TokenSampling } from "./decoding_method.ts";
import { type MethodPictures, paintPictures, stepCounts } from "./method_pictures.ts";
import type { BriefScore, FullScore, MethodYardstick } from "./method_yardstick.ts";

/** A way to decode, and what its pictures are worth. */
export interface ScoredMethod extends Omit<DecodingMethod, "settings">, TokenSampling, FullScore {
  /** Steps of its pictures on average. */
  readonly mean_steps: number;
  /** Measured, per picture, tokens and pixels; the adapter shared with nobody. */
  readonly milliseconds: number;
}

/** Told after every batch how many more pictures are painted, and by what. */
export type OnPictures = (more: number, what: string) => void;

/** How many pictures of a method, and from which noise. */
export interface SampleSets {
  /** Pictures of each seed. */
  readonly samples: number;
  /** Each paints a set of its own. */
  readonly seeds: readonly number[];
}

/** Paints and scores methods: every one with the same seeds, labels and numbers of pictures. */
export class MethodScoring {
  /** `onPictures` is told after every batch. */
  constructor(
    private readonly painter: ArpgPainter,
    private readonly yardstick: MethodYardstick,
    private readonly onPictures: OnPictures = () => {},
  ) {}

  /** The method in full. @param options `samples` pictures of each seed, as many as the yardstick was measured for. */
  async score(method: DecodingMethod, sampling: TokenSampling, options: SampleSets): Promise<ScoredMethod> {
    return await this.measure(method, sampling, await this.paint(method, sampling, options));
  }

  /** What {@link score} measures: a set of pictures for each seed. */
  async paint(
    method: DecodingMethod,
    sampling: TokenSampling,
    { samples, seeds }: SampleSets,
  ): Promise<MethodPictures[]> {
    const sets: MethodPictures[] = [];
    for (const seed of seeds) sets.push(await this.#paint(method, sampling, samples, seed));
    return sets;
  }

  /** Measures what {@link paint} gave. */
  async measure(
    { settings: _, ...method }: DecodingMethod,
    sampling: TokenSampling,
    sets: readonly MethodPictures[],
  ): Promise<ScoredMethod> {
    const steps = sets.flatMap(({ painted }) => stepCounts(painted, this.painter.model.config.cells));
    return {
      ...method,
      ...sampling,
      mean_steps: steps.reduce((sum, count) => sum + count, 0) / steps.length,
      // Of all seeds the quickest: whatever else the machine does only adds to it.
      milliseconds: Math.min(...sets.map(({ milliseconds }) => milliseconds)),
      ...await this.yardstick.full(sets),
    };
  }

  /** The method by few pictures. */
  async brief(method: DecodingMethod, sampling: TokenSampling, samples: number, seed: number): Promise<BriefScore> {
    return await this.yardstick.brief(await this.#paint(method, sampling, samples, seed));
  }

  async #paint(
    method: DecodingMethod,
    sampling: TokenSampling,
    samples: number,
    seed: number,
  ): Promise<MethodPictures> {
    const { name, mode, target_steps } = method;
    const what = `${[name, mode].filter(Boolean).join(" ")}, ${target_steps} steps`;
    let before = 0;
    return await paintPictures(this.painter, method.settings(sampling, seed), samples, (done) => {
      this.onPictures(done - before, what);
      before = done;
    });
  }
}
