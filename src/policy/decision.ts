import { add } from "../ops/elementwise_binary.ts";
import { gather } from "../ops/gather.ts";
import { logSoftmax } from "../ops/log_softmax.ts";
import { plackettLuce } from "../ops/plackett_luce.ts";
import { plackettLuceWithRepulsion, type Repulsion } from "../ops/plackett_luce_repulsion.ts";
import { sum } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import { where } from "../ops/where.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Logit or score of an action that is not valid: its probability is 0 beside any other. */
export const invalidLogit: number = -1e30;

/** What a policy may do now, i32: 0 for what it may not. */
export interface ValidActions {
  /** `[B, D]`, of the list of degrees; see `DegreeRule`. */
  readonly degrees: Tensor;
  /** `[B, N]`: places of the cells that are not painted in the order of their sample, from 1 up; 0 for painted ones. */
  readonly cells: Tensor;
}

/** What a policy says of B states; what is not valid has {@link invalidLogit}. */
export interface PolicyHeads {
  /** `[B, D]`. */
  readonly degreeLogits: Tensor;
  /** `[B, N]`. */
  readonly scores: Tensor;
  /** By what the heads were masked. */
  readonly valid: ValidActions;
}

/** One step of B paintings. */
export interface Decision {
  /** i32 `[B]`: number of the degree in the list of degrees. */
  readonly degree: Tensor;
  /** i32 `[B, K]`: the cells in the order in which they were picked, padded with -1. */
  readonly picks: Tensor;
}

/** Log-probability of every choice in a {@link Decision}: each is a ratio of its own in the loss. */
export interface DecisionLogProbs {
  /** `[B]`. */
  readonly degree: Tensor;
  /** `[B, K]`, 0 for padding. */
  readonly picks: Tensor;
}

/** The heads with {@link invalidLogit} for what is not valid; no gradient flows there. */
export function maskHeads(degreeLogits: Tensor, scores: Tensor, valid: ValidActions): PolicyHeads {
  const invalid = degreeLogits.device.full([1], invalidLogit);
  return {
    degreeLogits: where(valid.degrees, degreeLogits, invalid),
    scores: where(valid.cells, scores, invalid),
    valid,
  };
}

/**
 * Log-probabilities of a decision, choice by choice: the degree is categorical, the cells are an ordered draw without
 * replacement. A single valid choice has log-probability 0 and no gradient.
 *
 * @param repulsion between the picks of a step; default none.
 */
export function decisionLogProbs(
  { degreeLogits, scores, valid }: PolicyHeads,
  { degree, picks }: Decision,
  repulsion?: Repulsion,
): DecisionLogProbs {
  const batch = degree.shape[0]!;
  return {
    degree: reshape(gather(logSoftmax(degreeLogits), degree.view([batch, 1]), 1), [batch]),
    picks: repulsion
      ? plackettLuceWithRepulsion(scores, valid.cells, picks, repulsion)
      : plackettLuce(scores, valid.cells, picks),
  };
}

/** Log-probability of the whole decision, `[B]`. */
export function jointLogProb({ degree, picks }: DecisionLogProbs): Tensor {
  return add(degree, sum(picks, 1));
}
