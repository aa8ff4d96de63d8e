import type { DecodingPolicy } from "../policy/decoding_policy.ts";
import type { ArpgPainter } from "./arpg_painter.ts";
import { arpgMethod, policyMethod, type TokenSampling } from "./decoding_method.ts";
import { MethodScoring, type OnPictures, type SampleSets, type ScoredMethod } from "./method_scoring.ts";
import type { MethodYardstick } from "./method_yardstick.ts";
import { type PaintingDecisions, paintingDecisions } from "./painting_decisions.ts";

/** What a policy was compared with, and what it decided. */
export interface TargetComparison {
  /** By target, the policy first. */
  readonly methods: ScoredMethod[];
  /** Of the sampled policy for the middle target. */
  readonly decisions: PaintingDecisions & { readonly target_steps: number };
}

/** What {@link compareAtTargets} paints. */
export interface TargetComparisonOptions extends SampleSets {
  /** Of policy and rule alike. */
  readonly sampling: TokenSampling;
  /** Told after every batch. */
  readonly onPictures?: OnPictures;
}

/**
 * A policy against ARPG's own rule at each of its targets, from the same noise, at one guidance and temperature: a look
 * after a training. A policy of three targets takes 6,000 pictures at 1,000 samples and one seed.
 */
export async function compareAtTargets(
  painter: ArpgPainter,
  policy: DecodingPolicy,
  yardstick: MethodYardstick,
  { sampling, onPictures, ...sets }: TargetComparisonOptions,
): Promise<TargetComparison> {
  const scoring = new MethodScoring(painter, yardstick, onPictures);
  const methods: ScoredMethod[] = [], painted = new Map<number, Int32Array>();
  for (const steps of policy.config.targets) {
    const method = policyMethod(policy, steps, "sampled");
    const pictures = await scoring.paint(method, sampling, sets);
    painted.set(steps, pictures[0]!.painted);
    methods.push(
      await scoring.measure(method, sampling, pictures),
      await scoring.score(arpgMethod(steps), sampling, sets),
    );
  }
  return { methods, decisions: middleDecisions(policy, painted) };
}

/**
 * What a policy decided for the middle one of its targets, of two the smaller.
 *
 * @param painted what it painted for each target, `[B, N]`.
 */
export function middleDecisions(
  { config: { cells, degrees, targets } }: DecodingPolicy,
  painted: ReadonlyMap<number, Int32Array>,
): TargetComparison["decisions"] {
  const target_steps = middleTarget(targets);
  return { ...paintingDecisions(painted.get(target_steps)!, cells, degrees), target_steps };
}

/** The middle one of a policy's targets, of two the smaller: where one is looked at for all. */
export function middleTarget(targets: readonly number[]): number {
  return targets.toSorted((a, b) => a - b)[Math.floor((targets.length - 1) / 2)]!;
}
