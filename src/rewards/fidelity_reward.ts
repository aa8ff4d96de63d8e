import type { Arpg } from "../models/arpg.ts";
import { type DrawnFrom, drawnLogits, type OrderedPaintings, orderPaintings } from "../models/painting_likelihood.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { mul, sub } from "../ops/elementwise_binary.ts";
import { exp } from "../ops/elementwise_unary.ts";
import { sum } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { PaintedImages, Reward } from "./reward.ts";

/**
 * Fidelity of parallel decoding to the frozen model itself. Tokens that are painted in one step do not see each other:
 * they are drawn from `q(x) = prod_t prod_(i in step t) p(x_i | steps before t)` instead of the model's own
 * `p(x) = prod_i p(x_i | all painted before i)` in the same order. The reward is the ratio of the two, a token,
 *
 * `r = exp((log p(x) - log q(x)) / N)`,
 *
 * 1 where every step paints one token. The mean of `log q - log p` over paintings is `KL(q || p)`, the sum over the steps
 * of the total correlation of what each paints at once: a policy that raises the reward paints tokens together that have
 * little to say about each other. No judge and no data are in it, and no better picture than the model's own is to be
 * had by it.
 */
export class FidelityReward implements Reward {
  /** Name in the metrics. */
  readonly name = "fidelity";
  /** `[N, cells]`: one cell a step. */
  readonly #alone: Tensor;

  /**
   * Allocates the steps of `batch` paintings, since what is recorded may not.
   *
   * @param model with the weights of the frozen one that paints.
   * @param drawnFrom guidance and temperature that it paints with.
   */
  constructor(private readonly model: Arpg, private readonly drawnFrom: DrawnFrom, private readonly batch: number) {
    const { cells } = model.config, { device } = model.rotary;
    const steps = Int32Array.from({ length: batch * cells }, (_, i) => i % cells);
    this.#alone = device.persistent(() => device.tensor(steps, [batch, cells]));
  }

  /**
   * Rewards `[N]`, mostly in [0, 1]: single paintings may lie above.
   *
   * @throws {RangeError} for images without tokens and steps, and for another number of them than was announced.
   */
  score({ classes, tokens, painted, logProbs }: PaintedImages): Tensor {
    if (!tokens || !painted || !logProbs) {
      throw new RangeError("Cannot apply fidelity: the images come without tokens, steps and log-probabilities");
    }
    if (tokens.shape[0] !== this.batch) {
      throw new RangeError(`Cannot apply fidelity: wanted ${this.batch} images, got ${tokens.shape[0]}`);
    }
    const logQ = sum(logProbs, 1);
    const logP = this.#logProb({ ...orderPaintings({ tokens, painted, classes }), steps: this.#alone });
    return exp(mul(sub(logP, logQ), 1 / this.model.config.cells));
  }

  /** Log-probability of each painting's drawn tokens, `[N]`. */
  #logProb(paintings: OrderedPaintings): Tensor {
    const { logits, targets } = drawnLogits(this.model, paintings, this.drawnFrom);
    const [rows, cells, vocab] = logits.shape as [number, number, number];
    const surprise = crossEntropy(reshape(logits, [rows * cells, vocab]), reshape(targets, [rows * cells]));
    return mul(sum(mul(reshape(surprise, [rows, cells]), paintings.drawn), 1), -1);
  }
}
