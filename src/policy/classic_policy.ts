import { heGain, type Initializer } from "../nn/init.ts";
import { LayerNorm } from "../nn/layer_norm.ts";
import { Linear } from "../nn/linear.ts";
import { type Module, nestParameters } from "../nn/module.ts";
import { add } from "../ops/elementwise_binary.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { maskHeads, type PolicyHeads, type ValidActions } from "./decision.ts";
import { zeroLinear } from "./zero_linear.ts";

/** Sizes of a {@link ClassicPolicy}. */
export interface ClassicPolicyConfig {
  /** S, numbers in a state. */
  readonly state: number;
  /** C, width of the hidden layers. */
  readonly hidden: number;
  /** D, degrees to choose from: in the classic form 1 to D tokens. */
  readonly degrees: number;
  /** N, cells of the canvas. */
  readonly cells: number;
}

/**
 * The classic decoding policy: an encoder of two layers (linear, ReLU, layer normalisation) over a state vector, and a
 * head each for the degree and the positions, whose every cell has weights of its own.
 *
 * The last layer of each head starts at zero: the degree then follows its prior alone, and all orders are equally
 * likely.
 */
export class ClassicPolicy implements Module {
  /** S to C. */
  readonly encoder0: Linear;
  /** Of C channels. */
  readonly encoder2: LayerNorm;
  /** C to C. */
  readonly encoder3: Linear;
  /** Of C channels. */
  readonly encoder5: LayerNorm;
  /** C to C / 2. */
  readonly parallel0: Linear;
  /** C / 2 to D. */
  readonly parallel2: Linear;
  /** C to C. */
  readonly position0: Linear;
  /** C to N. */
  readonly position2: Linear;

  /** Draws the first values. */
  constructor(init: Initializer, { state, hidden, degrees, cells }: ClassicPolicyConfig) {
    const half = Math.floor(hidden / 2);
    this.encoder0 = new Linear(init, state, hidden, heGain);
    this.encoder2 = new LayerNorm(init, hidden);
    this.encoder3 = new Linear(init, hidden, hidden, heGain);
    this.encoder5 = new LayerNorm(init, hidden);
    this.parallel0 = new Linear(init, hidden, half, heGain);
    this.parallel2 = zeroLinear(init, half, degrees);
    this.position0 = new Linear(init, hidden, hidden, heGain);
    this.position2 = zeroLinear(init, hidden, cells);
  }

  /**
   * What the policy says of states `[B, S]`.
   *
   * @param degreePrior `[B, D]` or `[D]`, added to the logits of the degrees, such as rows of `handScheduleTables`.
   * @throws {RangeError} for shapes that do not fit.
   */
  forward(states: Tensor, valid: ValidActions, degreePrior?: Tensor): PolicyHeads {
    const { degreeLogits, scores } = this.headsOf(this.encode(states));
    return maskHeads(degreePrior ? add(degreeLogits, degreePrior) : degreeLogits, scores, valid);
  }

  /** What both heads read of states `[B, S]`: `[B, C]`. */
  encode(states: Tensor): Tensor {
    const first = this.encoder2.forward(this.encoder0.forward(states, "relu"));
    return this.encoder5.forward(this.encoder3.forward(first, "relu"));
  }

  /** What the heads say of {@link encode}'s result, before prior and mask: `[B, D]` and `[B, N]`. */
  headsOf(encoded: Tensor): Omit<PolicyHeads, "valid"> {
    return {
      degreeLogits: this.parallel2.forward(this.parallel0.forward(encoded, "relu")),
      scores: this.position2.forward(this.position0.forward(encoded, "relu")),
    };
  }

  /** `encoder.0.weight` to `position_head.2.bias`, as a PyTorch `nn.Sequential` of each part numbers them. */
  parameters(): Map<string, Tensor> {
    return nestParameters({
      "encoder.0": this.encoder0,
      "encoder.2": this.encoder2,
      "encoder.3": this.encoder3,
      "encoder.5": this.encoder5,
      "parallel_head.0": this.parallel0,
      "parallel_head.2": this.parallel2,
      "position_head.0": this.position0,
      "position_head.2": this.position2,
    });
  }
}
