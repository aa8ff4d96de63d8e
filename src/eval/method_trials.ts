import { type DecodingMethod, otherHandMethods, type TokenSampling } from "./decoding_method.ts";
import type { MethodScoring, SampleSets } from "./method_scoring.ts";
import type { BriefScore } from "./method_yardstick.ts";

/** What {@link MethodTrials} tries. */
export interface TrialPlan extends SampleSets {
  /** Pictures of every trial, from a seed that is none of `seeds`. */
  readonly tuning_samples: number;
  /** Scales of guidance to try for every method. */
  readonly guidance: readonly number[];
  /** Temperatures to try for every method. */
  readonly temperature: readonly number[];
  /** Hand-made rules that are scored in full, the best of the screening at every number of steps; 0 for none. */
  readonly finalists: number;
}

/** Figures of few pictures: they compare with others of their list only. */
export interface BriefMethod
  extends Pick<DecodingMethod, "name" | "mode" | "target_steps">, TokenSampling, BriefScore {}

/** Finds by few pictures what suits a method, and which hand-made rules deserve many. */
export class MethodTrials {
  /** Of the trials: none of the plan's. */
  readonly seed: number;
  /** Every guidance and temperature that was tried for each method. */
  readonly tuning: BriefMethod[] = [];
  /** Every hand-made rule that was screened. */
  readonly screening: BriefMethod[] = [];

  /** Chooses the seed. */
  constructor(private readonly scoring: MethodScoring, private readonly plan: TrialPlan) {
    let seed = 1;
    while (plan.seeds.includes(seed)) seed++;
    this.seed = seed;
  }

  /** The method's best guidance and temperature; nothing is painted where there is only one of each. */
  async best(method: DecodingMethod): Promise<TokenSampling> {
    const { guidance, temperature } = this.plan;
    const points = guidance.flatMap((scale) => temperature.map((t) => ({ guidance: scale, temperature: t })));
    if (points.length === 1) return points[0]!;
    const tried: BriefMethod[] = [];
    for (const point of points) tried.push(await this.#try(method, point));
    this.tuning.push(...tried);
    const { guidance: scale, temperature: t } = tried.toSorted(byFrechet)[0]!;
    return { guidance: scale, temperature: t };
  }

  /** The best hand-made rules other than ARPG's own, all at one guidance and temperature. */
  async screen(steps: number, sampling: TokenSampling): Promise<DecodingMethod[]> {
    const methods = otherHandMethods(steps), tried: BriefMethod[] = [];
    for (const method of methods) tried.push(await this.#try(method, sampling));
    this.screening.push(...tried);
    const finalists = tried.toSorted(byFrechet).slice(0, this.plan.finalists);
    return finalists.map((finalist) => methods[tried.indexOf(finalist)]!);
  }

  async #try(method: DecodingMethod, sampling: TokenSampling): Promise<BriefMethod> {
    const { name, mode, target_steps } = method;
    const score = await this.scoring.brief(method, sampling, this.plan.tuning_samples, this.seed);
    return { name, mode, target_steps, ...sampling, ...score };
  }
}

function byFrechet(a: BriefMethod, b: BriefMethod): number {
  return a.frechet - b.frechet;
}
