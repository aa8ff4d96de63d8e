import type { Initializer } from "../nn/init.ts";
import type { Module } from "../nn/module.ts";
import { add } from "../ops/elementwise_binary.ts";
import { gaussianCloseness } from "../ops/plackett_luce_repulsion.ts";
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
}

/**
 * The policy that decides at each step how many cells a frozen model paints, and where.
 *
 * Degree, scores and strength come from last layers that start at exactly zero: whatever the state, the degree then
 * follows its prior alone, and all orders are equally likely, as in ARPG's own decoding (arXiv 2503.10568).
 */
export class DecodingPolicy implements Module {
  /** `[N, N]`: how close two cells are, see `gaussianCloseness`; null without repulsion. No parameter. */
  readonly closeness: Tensor | null;
  readonly #network: PolicyNetwork;

  /**
   * Draws the first values.
   *
   * @throws {RangeError} for sizes that make no policy, and degrees that cannot paint the canvas in a target's steps.
   */
  constructor(init: Initializer, readonly config: DecodingPolicyConfig) {
    const { width } = decodingPolicySizes(config);
    const { cells, repulsion } = config, { device } = init;
    this.#network = makeNetwork(init, config);
    this.closeness = repulsion &&
      device.persistent(() => device.tensor(gaussianCloseness(cells, width, repulsion.sigma), [cells, cells]));
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
    const { degreeLogits, scores, strength } = this.#network.forward(state, classes);
    return { heads: maskHeads(add(degreeLogits, degreePrior), scores, valid), strength };
  }

  /** As `decodingPolicyShapes` names them. */
  parameters(): Map<string, Tensor> {
    return this.#network.parameters();
  }
}
