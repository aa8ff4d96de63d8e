import type { Initializer } from "../nn/init.ts";
import type { Module } from "../nn/module.ts";
import { add, mul } from "../ops/elementwise_binary.ts";
import { exp } from "../ops/elementwise_unary.ts";
import { embedding } from "../ops/embedding.ts";
import { gaussianCloseness } from "../ops/plackett_luce_repulsion.ts";
import { reshape } from "../ops/reshape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { maskHeads, type PolicyHeads, type ValidActions } from "./decision.ts";
import { type DecodingPolicyConfig, decodingPolicySizes } from "./decoding_policy_config.ts";
import { makeNetwork, type PolicyNetwork } from "./policy_network.ts";
import type { PolicyState } from "./policy_state.ts";

export { type DecodingPolicyConfig, decodingPolicySchema } from "./decoding_policy_config.ts";

/** What a {@link DecodingPolicy} says of B states. */
export interface PolicyOutput {
  /** Degree logits and scores, masked by what is valid. */
  readonly heads: PolicyHeads;
  /** `[B]`: strength of the repulsion between the picks of a step, of either sign; null without repulsion. */
  readonly strength: Tensor | null;
  /** `[B]`: tau, what a place in the order of the prior takes off a score; null where scores know no order. */
  readonly trust: Tensor | null;
}

/**
 * The policy that decides at each step how many cells a frozen model paints, and where.
 *
 * All that the network says comes from last layers that start at exactly zero: whatever the state, the policy is then the
 * rule of its prior. The degree follows its counts; without trust in an order all orders are equally likely, as in ARPG's
 * own decoding (arXiv 2503.10568), and with it the score of a cell is
 *
 * `s - tau place`, `tau = tau_0 exp(t)`
 *
 * of its place among the unpainted cells in its sample's order, s and t from the network: Plackett-Luce draws that keep
 * the closer to the order the larger tau is.
 */
export class DecodingPolicy implements Module {
  /** `[N, N]`: how close two cells are, see `gaussianCloseness`; null without repulsion. No parameter. */
  readonly closeness: Tensor | null;
  readonly #network: PolicyNetwork;
  /** `[N + 1, 1]`: places as numbers, from 0 up; 0 for painted cells as for the first. */
  readonly #places: Tensor | null;

  /**
   * Draws the first values.
   *
   * @throws {RangeError} for sizes that make no policy, and degrees that cannot paint the canvas in a target's steps.
   */
  constructor(init: Initializer, readonly config: DecodingPolicyConfig) {
    const { width } = decodingPolicySizes(config);
    const { cells, repulsion, prior } = config, { device } = init;
    this.#network = makeNetwork(init, config);
    this.closeness = repulsion &&
      device.persistent(() => device.tensor(gaussianCloseness(cells, width, repulsion.sigma), [cells, cells]));
    const places = Float32Array.from({ length: cells + 1 }, (_, i) => Math.max(i - 1, 0));
    this.#places = prior.trust > 0 ? device.persistent(() => device.tensor(places, [cells + 1, 1])) : null;
  }

  /**
   * What the policy says of states, any number of them: the result of a row does not depend on the others.
   *
   * @param state see `policyState`.
   * @param classes i32 `[B]`; `config.classes` stands for none.
   * @param valid what may be chosen.
   * @param degreePrior `[B, D]`, added to the logits of the degrees, such as rows of `handScheduleTables`.
   * @throws {RangeError} for shapes that do not fit.
   */
  forward(state: PolicyState, classes: Tensor, valid: ValidActions, degreePrior: Tensor): PolicyOutput {
    const { degreeLogits, scores, strength, trust: logTrust } = this.#network.forward(state, classes);
    const first = this.orderScores(valid);
    const factor = logTrust && exp(logTrust);
    const placed = first && factor ? add(scores, mul(first, reshape(factor, [factor.size, 1]))) : scores;
    return {
      heads: maskHeads(add(degreeLogits, degreePrior), placed, valid),
      strength,
      trust: factor && mul(factor, this.config.prior.trust),
    };
  }

  /** `[B, N]`: scores of the rule that the policy starts from, `-tau_0 place`; null where all are equal. */
  orderScores({ cells }: ValidActions): Tensor | null {
    return this.#places && mul(reshape(embedding(this.#places, cells), cells.shape), -this.config.prior.trust);
  }

  /** As `decodingPolicyShapes` names them. */
  parameters(): Map<string, Tensor> {
    return this.#network.parameters();
  }
}
