import { categoricalKl } from "../ops/categorical_kl.ts";
import { concat } from "../ops/concat.ts";
import { add, div, maximum, minimum, mul, sub } from "../ops/elementwise_binary.ts";
import { log } from "../ops/elementwise_unary.ts";
import { entropy } from "../ops/entropy.ts";
import { type ClipRange, grpoLoss, grpoStatistics } from "../ops/grpo_loss.ts";
import { sum } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import { slice } from "../ops/slice.ts";
import { where } from "../ops/where.ts";
import { invalidLogit, jointLogProb } from "../policy/decision.ts";
import type { DecodingPolicy } from "../policy/decoding_policy.ts";
import { type Decisions, logProbsOf, reconsider } from "../policy/policy_choice.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Normalisation } from "./token_weights.ts";

/** Settings of {@link decisionLoss}. */
export interface DecisionLossOptions extends ClipRange {
  /** Largest ratio that counts where the advantage is negative (dual clip). */
  readonly delta: number;
  /** Over what the decisions' losses are averaged. */
  readonly normalisation: Normalisation;
  /** `decision`: every degree and every pick has a ratio of its own; `joint`: one ratio a step, for comparison. */
  readonly ratio: "decision" | "joint";
  /** Weight of the divergence from the hand schedule, both heads. */
  readonly klCoef: number;
  /** Weight of the entropy of both heads, each over its largest possible value. */
  readonly entropyCoef: number;
}

/** Paintings of an update, as far as weights go by them. */
export interface PaintingsOfUpdate {
  /** b. */
  readonly count: number;
  /** T_max. */
  readonly steps: number;
  /** T_ref of each, `[b]`. */
  readonly targets: Tensor;
  /** Advantage of each, `[b]`. */
  readonly advantage: Tensor;
}

/** Columns of the statistics of {@link decisionLoss}. */
export const decisionColumns = [
  "kl_degree",
  "kl_position",
  "entropy_degree",
  "entropy_position",
  "forced_share",
  "repulsion",
  "trust",
  "clip_fraction_degree",
  "ratio_max_degree",
  "log_ratio_max_degree",
  "clip_fraction",
  "ratio_max",
  "log_ratio_max",
] as const;

/**
 * The loss of a policy on decisions (GRPO, arXiv 2402.03300, eq. 3, decision by decision), and what to watch.
 *
 * `loss = sum_i w_i max(-rho_i A, -clip(rho_i) A) + klCoef (KL_degree + KL_position) - entropyCoef (H_degree + H_position)`
 * over the picks and the degrees. The divergences from the rule that the policy starts from are exact, means over the
 * steps: `KL(degree || prior)` and `KL(first pick || first pick of its order)`, which is uniform without trust in an order.
 * The entropies are those of the same distributions, over the logarithm of the number of valid choices, means over the
 * steps that had a choice.
 *
 * @returns the loss and `[columns]` in the order of {@link decisionColumns}, without gradient.
 */
export function decisionLoss(
  policy: DecodingPolicy,
  decisions: Decisions,
  paintings: PaintingsOfUpdate,
  options: DecisionLossOptions,
): { readonly loss: Tensor; readonly statistics: Tensor } {
  const { made, valid, prior, logProbs: old } = decisions;
  const output = reconsider(policy, decisions);
  const { degreeLogits, scores } = output.heads;
  const found = logProbsOf(policy, output, decisions);
  const rows = made.degree.size;
  const advantage = reshape(
    add(reshape(paintings.advantage, [1, paintings.count]), made.degree.device.zeros([paintings.steps, 1])),
    [rows],
  );
  const weights = weightsOf(decisions, paintings, options.normalisation);
  const column = (tensor: Tensor) => reshape(tensor, [rows, 1]);
  const terms = (logpNew: Tensor, logpOld: Tensor, weight: Tensor) => ({
    logpNew,
    logpOld,
    logpRef: logpOld,
    advantage,
    weight,
  });
  const degrees = terms(column(found.degree), column(old.degree), column(weights.degree));
  const picks = terms(found.picks, old.picks, weights.picks);
  const joint = terms(column(jointLogProb(found)), column(jointLogProb(old)), column(weights.degree));
  const clip = { clipLow: options.clipLow, clipHigh: options.clipHigh };
  const surrogate = (each: typeof picks) =>
    sum(grpoLoss(each, { ...clip, delta: options.delta, beta: 0, klEstimator: "none" }));
  let loss = options.ratio === "joint" ? surrogate(joint) : add(surrogate(degrees), surrogate(picks));

  const { device } = scores;
  const invalid = device.full([1], invalidLogit), nothing = device.zeros([1]);
  const meanOver = (values: Tensor, mask: Tensor) => div(sum(mul(values, mask)), maximum(sum(mask), 1));
  const klDegree = meanOver(categoricalKl(degreeLogits, where(valid.degrees, prior, invalid)), made.degree);
  const order = where(valid.cells, policy.orderScores(valid) ?? nothing, invalid);
  const klPosition = meanOver(categoricalKl(scores, order), made.degree);
  const degreeChoices = countOf(valid.degrees), cellChoices = countOf(valid.cells);
  const entropyDegree = meanOver(...normalisedEntropy(degreeLogits, degreeChoices));
  const entropyPosition = meanOver(...normalisedEntropy(scores, cellChoices));
  if (options.klCoef > 0) loss = add(loss, mul(add(klDegree, klPosition), options.klCoef));
  if (options.entropyCoef > 0) loss = sub(loss, mul(add(entropyDegree, entropyPosition), options.entropyCoef));

  const statistics = device.noGrad(() => {
    const one = (tensor: Tensor) => reshape(tensor, [1]);
    const free = minimum(maximum(sub(degreeChoices, 1), 0), 1);
    const forced = sub(1, div(sum(mul(free, made.degree)), maximum(sum(made.degree), 1)));
    const [repulsion, trust] = [output.strength, output.trust].map((each) =>
      each ? meanOver(each, made.degree) : nothing
    );
    const degreeFound = grpoStatistics(degrees, clip);
    const pickFound = grpoStatistics(options.ratio === "joint" ? joint : picks, clip);
    return concat([
      ...[klDegree, klPosition, entropyDegree, entropyPosition, forced, repulsion!, trust!].map(one),
      // The first column is a divergence from the reference, which is exact above.
      slice(degreeFound, 0, 1, 4),
      slice(pickFound, 0, 1, 4),
    ], 0);
  });
  return { loss, statistics };
}

/** Valid choices of each row, `[R]`. */
function countOf(valid: Tensor): Tensor {
  const { device } = valid;
  return sum(where(valid, device.full([1], 1), device.zeros([1])), 1);
}

/** Entropy over its largest value, and 1 for the rows that have a choice. */
function normalisedEntropy(logits: Tensor, choices: Tensor): [values: Tensor, mask: Tensor] {
  const largest = log(maximum(choices, 2));
  return [div(entropy(logits), largest), minimum(maximum(sub(choices, 1), 0), 1)];
}

/**
 * What the loss of every decision is multiplied by. `constant_length` divides by constants, N picks and T_ref degrees a
 * painting, since the length of a painting is what is being optimised (Dr. GRPO, arXiv 2503.20783).
 */
function weightsOf(
  { made, valid }: Pick<Decisions, "made" | "valid">,
  { count, steps, targets }: PaintingsOfUpdate,
  normalisation: Normalisation,
): { readonly degree: Tensor; readonly picks: Tensor } {
  const cells = valid.cells.shape[1]!, most = made.picks.shape[1]!;
  const degree = reshape(made.degree, [steps, count]), picks = reshape(made.picks, [steps, count, most]);
  const weighted = {
    constant_length: () => [div(degree, mul(reshape(targets, [1, count]), count)), mul(picks, 1 / (cells * count))],
    sequence_mean: () => [
      div(degree, mul(maximum(sum(degree, 0, true), 1), count)),
      div(picks, mul(maximum(sum(picks, [0, 2], true), 1), count)),
    ],
    token_mean: () => [div(degree, maximum(sum(degree), 1)), div(picks, maximum(sum(picks), 1))],
  }[normalisation]() as [Tensor, Tensor];
  return { degree: reshape(weighted[0], made.degree.shape), picks: reshape(weighted[1], made.picks.shape) };
}
