import type { DecodingPolicy } from "../policy/decoding_policy.ts";
import type { ArpgPainter } from "./arpg_painter.ts";
import {
  arpgMethod,
  type DecodingMethod,
  otherHandMethods,
  policyMethod,
  type TokenSampling,
} from "./decoding_method.ts";
import { MethodScoring, type ScoredMethod } from "./method_scoring.ts";
import { type BriefMethod, MethodTrials, type TrialPlan } from "./method_trials.ts";
import type { MethodYardstick } from "./method_yardstick.ts";
import { type OrderSearchResult, type RewardOfPaintings, searchOrders } from "./order_search.ts";
import { middleDecisions, type TargetComparison } from "./target_comparison.ts";

/** What {@link comparePolicy} compares. */
export interface PolicyComparisonPlan extends TrialPlan {
  /** Further speeds of the policy. */
  readonly speeds: readonly number[];
  /** Orders tried for each picture by {@link searchOrders}; 0 for none. */
  readonly search: number;
  /** Further numbers of steps of ARPG's own rule. */
  readonly references: readonly number[];
}

/** What a policy was compared with. */
export interface PolicyComparison extends TargetComparison {
  /** Every guidance and temperature that was tried for each method. */
  readonly tuning: BriefMethod[];
  /** Every hand-made rule at the guidance and temperature that suit ARPG's own. */
  readonly screening: BriefMethod[];
  /** Pictures of each trial in `tuning` and `screening`. */
  readonly tuning_samples: number;
  /** What the best of several orders for each picture is worth. */
  readonly headroom: OrderSearchResult[];
}

/** Who paints and who measures. */
export interface PolicyComparisonParts {
  /** Of the model that the policy was trained for. */
  readonly painter: ArpgPainter;
  /** The policy to compare. */
  readonly policy: DecodingPolicy;
  /** Measured for `samples` pictures, by a judge that no reward has seen. */
  readonly yardstick: MethodYardstick;
  /** What the search over orders goes by, which has not seen the yardstick's judge. */
  readonly rewardOf: RewardOfPaintings;
  /** Told after every batch how many pictures of {@link picturesOf} are painted. */
  readonly onProgress?: (done: number, what: string) => void;
}

/** Pictures of a search over orders. */
const searchSamples = 500;

/**
 * A policy against every rule made by hand, each at its own best guidance and temperature.
 *
 * At each target of the policy: the policy sampled, greedy and at further speeds, ARPG's own rule, and the best of all
 * other hand-made schedules and orders. Those are screened with few pictures at the guidance and temperature that suit
 * ARPG's own rule. A method's guidance and temperature are those of the lowest Frechet distance among trials of few
 * pictures, whose seed no figure in `methods` has.
 */
export async function comparePolicy(
  parts: PolicyComparisonParts,
  plan: PolicyComparisonPlan,
): Promise<PolicyComparison> {
  const { policy, painter, yardstick, rewardOf, onProgress } = parts;
  const { tuning_samples, speeds, finalists, search, references } = plan;
  let done = 0;
  const report = (more: number, what: string) => onProgress?.(done += more, what);
  const scoring = new MethodScoring(painter, yardstick, report);
  const trials = new MethodTrials(scoring, plan);
  const methods: ScoredMethod[] = [], headroom: OrderSearchResult[] = [], painted = new Map<number, Int32Array>();
  const score = async (method: DecodingMethod, sampling: TokenSampling) => {
    const sets = await scoring.paint(method, sampling, plan);
    methods.push(await scoring.measure(method, sampling, sets));
    return sets[0]!.painted;
  };
  for (const steps of policy.config.targets) {
    const sampled = policyMethod(policy, steps, "sampled");
    painted.set(steps, await score(sampled, await trials.best(sampled)));
    const others = [
      policyMethod(policy, steps, "greedy"),
      ...speeds.map((speed) => policyMethod(policy, steps, "sampled", speed)),
    ];
    for (const method of others) await score(method, await trials.best(method));
    const arpg = arpgMethod(steps), sampling = await trials.best(arpg);
    await score(arpg, sampling);
    if (finalists > 0) {
      for (const method of await trials.screen(steps, sampling)) await score(method, await trials.best(method));
    }
    if (search > 0) {
      headroom.push(
        ...await searchOrders(painter, rewardOf, yardstick, {
          ...{ steps, sampling, candidates: search, samples: searchSamples, seed: trials.seed },
          onPictures: (more) => report(more, `search over orders, ${steps} steps`),
        }),
      );
    }
  }
  for (const steps of furtherReferences(policy, references)) {
    const method = arpgMethod(steps);
    await score(method, await trials.best(method));
  }
  const { tuning, screening } = trials;
  return { methods, decisions: middleDecisions(policy, painted), tuning, screening, tuning_samples, headroom };
}

/** How many pictures {@link comparePolicy} paints. */
export function picturesOf(policy: DecodingPolicy, plan: PolicyComparisonPlan): number {
  const { samples, seeds, tuning_samples, guidance, temperature, speeds, finalists, search, references } = plan;
  const points = guidance.length * temperature.length;
  const method = samples * seeds.length + (points > 1 ? points * tuning_samples : 0);
  const { targets } = policy.config, { length: others } = otherHandMethods(1);
  const atTarget = (3 + speeds.length + Math.min(finalists, others)) * method +
    (finalists > 0 ? others * tuning_samples : 0) + search * searchSamples;
  return targets.length * atTarget + furtherReferences(policy, references).length * method;
}

function furtherReferences({ config: { targets } }: DecodingPolicy, references: readonly number[]): number[] {
  return [...new Set(references)].filter((steps) => !targets.includes(steps));
}
