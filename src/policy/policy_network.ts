import { Embedding } from "../nn/embedding.ts";
import { heGain, type Initializer } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { type Module, nestParameters } from "../nn/module.ts";
import { Projection } from "../nn/projection.ts";
import { concat } from "../ops/concat.ts";
import { conv2d } from "../ops/conv2d.ts";
import { add } from "../ops/elementwise_binary.ts";
import { permute } from "../ops/permute.ts";
import { max, mean } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ClassicPolicy } from "./classic_policy.ts";
import type { PolicyHeads } from "./decision.ts";
import { type DecodingPolicyConfig, decodingPolicySizes } from "./decoding_policy_config.ts";
import { AttentionTrunk, ConvTrunk, type GridTrunk } from "./grid_trunk.ts";
import { canvasFeatures, cellFeatures, type PolicyState } from "./policy_state.ts";
import { zeroLinear } from "./zero_linear.ts";

/** What a network says of B states before prior and masks. */
export interface NetworkOutput extends Omit<PolicyHeads, "valid"> {
  /** `[B]`: strength of the repulsion, null without repulsion. */
  readonly strength: Tensor | null;
  /** `[B]`: logarithm of the trust in the order of the prior over its first value, null without such an order. */
  readonly trust: Tensor | null;
}

/** From a state and i32 classes `[B]` to the heads; all outputs are exactly 0 at the start. */
export interface PolicyNetwork extends Module {
  /** What the network says. */
  forward(state: PolicyState, classes: Tensor): NetworkOutput;
}

/** The network that a config names. @throws {RangeError} for a config that makes none. */
export function makeNetwork(init: Initializer, config: DecodingPolicyConfig): PolicyNetwork {
  return config.network === "mlp" ? new FlatNetwork(init, config) : new GridNetwork(init, config);
}

/** Heads that say one number of a state. */
interface BatchHeads {
  readonly strength?: Linear;
  readonly trust?: Linear;
}

function batchHeads(init: Initializer, { hidden_dim: dim, repulsion, prior }: DecodingPolicyConfig): BatchHeads {
  return {
    ...(repulsion ? { strength: zeroLinear(init, dim, 1) } : {}),
    ...(prior.trust > 0 ? { trust: zeroLinear(init, dim, 1) } : {}),
  };
}

/** What those heads say of states encoded as `[B, C]`. */
function perState({ strength, trust }: BatchHeads, encoded: Tensor): Pick<NetworkOutput, "strength" | "trust"> {
  const read = (head: Linear | undefined) => head ? reshape(head.forward(encoded), [encoded.shape[0]!]) : null;
  return { strength: read(strength), trust: read(trust) };
}

/** Standard deviation of the first embeddings: they stand beside features within [0, 1]. */
const deviation = 0.1;

/**
 * A network whose weights are the same for all cells. Each starts from its features and an embedding of where it is,
 * with canvas and class added; the trunk lets them see each other; a score is read from every cell, and degree and
 * strength from the mean and the largest of the cells beside the canvas, by one hidden layer.
 *
 * What is said of single cells are products, but written as 1x1 convolutions: their kernels take any number of channels,
 * and the image need not be turned round for those of the trunk.
 */
class GridNetwork implements PolicyNetwork {
  readonly #stem: { cells: Linear; canvas: Linear; classes: Embedding };
  /** `[C, width, width]`. */
  readonly #positions: Tensor;
  readonly #trunk: GridTrunk;
  readonly #heads: { score: Projection; summary: Linear; degree: Linear } & BatchHeads;

  constructor(init: Initializer, config: DecodingPolicyConfig) {
    const { network, hidden_dim: dim, layers, classes, degrees } = config;
    const { width, heads } = decodingPolicySizes(config);
    this.#stem = {
      cells: new Linear(init, cellFeatures, dim),
      canvas: new Linear(init, canvasFeatures, dim),
      classes: new Embedding(init, classes + 1, dim, deviation),
    };
    this.#positions = init.normal([dim, width, width], deviation);
    this.#trunk = network === "conv" ? new ConvTrunk(init, dim, layers) : new AttentionTrunk(init, dim, layers, heads);
    this.#heads = {
      score: new Projection(init, dim, 1, 0), // an order depends on differences: a bias would do nothing
      summary: new Linear(init, 2 * dim + canvasFeatures, dim, heGain),
      degree: zeroLinear(init, dim, degrees.length),
      ...batchHeads(init, config),
    };
  }

  forward({ cells, canvas }: PolicyState, classes: Tensor): NetworkOutput {
    const stem = this.#stem, { score, summary, degree } = this.#heads;
    const [batch, count, features] = cells.shape as [number, number, number];
    const [dim, width] = this.#positions.shape as [number, number, number];
    const image = reshape(permute(cells, [0, 2, 1]), [batch, features, width, width]);
    const own = conv2d(image, reshape(stem.cells.weight, [dim, features, 1, 1]), stem.cells.bias);
    const whole = add(stem.canvas.forward(canvas), stem.classes.forward(classes));
    const seen = this.#trunk.forward(add(add(own, this.#positions), reshape(whole, [batch, dim, 1, 1])));
    const summed = summary.forward(concat([mean(seen, [2, 3]), max(seen, [2, 3]), canvas], 1), "relu");
    return {
      degreeLogits: degree.forward(summed),
      scores: reshape(conv2d(seen, reshape(score.weight, [1, dim, 1, 1]), null), [batch, count]),
      ...perState(this.#heads, summed),
    };
  }

  parameters(): Map<string, Tensor> {
    return new Map([
      ...nestParameters(this.#stem),
      ["positions", this.#positions],
      ...nestParameters({ trunk: this.#trunk }),
      ...nestParameters({ ...this.#heads }),
    ]);
  }
}

/** The classic form: an encoder of the flattened state beside an embedding of the class; see {@link ClassicPolicy}. */
class FlatNetwork implements PolicyNetwork {
  readonly #parts: { policy: ClassicPolicy; classes: Embedding } & BatchHeads;

  constructor(init: Initializer, config: DecodingPolicyConfig) {
    const { hidden_dim: dim, cells, classes, degrees } = config;
    const state = cells * cellFeatures + canvasFeatures + dim;
    this.#parts = {
      policy: new ClassicPolicy(init, { state, hidden: dim, degrees: degrees.length, cells }),
      classes: new Embedding(init, classes + 1, dim, deviation),
      ...batchHeads(init, config),
    };
  }

  forward({ cells, canvas }: PolicyState, classes: Tensor): NetworkOutput {
    const { policy, classes: table } = this.#parts, batch = canvas.shape[0]!;
    const flat = reshape(cells, [batch, cells.size / batch]);
    const encoded = policy.encode(concat([flat, canvas, table.forward(classes)], 1));
    return { ...policy.headsOf(encoded), ...perState(this.#parts, encoded) };
  }

  parameters(): Map<string, Tensor> {
    return nestParameters({ ...this.#parts });
  }
}
