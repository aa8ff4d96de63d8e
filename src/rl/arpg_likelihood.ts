import type { TokenCodes } from "../data/token_codes.ts";
import { Scalar } from "../gpu/params.ts";
import type { Arpg } from "../models/arpg.ts";
import { type DropoutRates, keyedDropouts } from "../models/dropouts.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { mean } from "../ops/reduce.ts";
import { AdamW } from "../optim/adamw.ts";
import { Ema } from "../optim/ema.ts";
import { Muon } from "../optim/muon.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { cosine, type Schedule, warmup } from "../optim/schedule.ts";
import type { Captured } from "../tensor/captured.ts";
import { gradients } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ArpgBatches } from "./arpg_batches.ts";

/** Settings of {@link ArpgLikelihood}. */
export interface ArpgLikelihoodOptions {
  /** Steps of the whole training. */
  readonly steps: number;
  /** Images of one step. */
  readonly batchSize: number;
  /** `muon`: for the matrices of the layers, with AdamW for embeddings, gains and the head. */
  readonly optimizer: "adamw" | "muon";
  /** Highest rate; a cosine takes it to a fiftieth. */
  readonly learningRate: number;
  /** Steps over which the rate rises from zero. */
  readonly warmupSteps: number;
  /** Decoupled weight decay of matrices; gains and embeddings have none. */
  readonly weightDecay: number;
  /** Bound of the global gradient norm. */
  readonly maxGradNorm: number;
  /** Decay of the averaged weights that training leaves behind. */
  readonly emaDecay: number;
  /** Share of samples that are trained without their class. */
  readonly classDropout: number;
  /** The first step that sees nothing but first crops. */
  readonly cropsUntil: number;
  /** Shares of dropped channels. */
  readonly dropout: DropoutRates;
  /** Of batches, orders and dropouts. */
  readonly seed: number;
}

/** Philox stream of the dropouts. */
const dropoutStream = 0x6472;

/**
 * Maximum likelihood of an ARPG on token codes in random orders: minimises `-1/N sum_i log p(x_oi | x_o<i, class)` with
 * AdamW or Muon (arXiv 2503.10568, equation 3). A step is one submit: upload of a batch, forward, backward, update, average.
 */
export class ArpgLikelihood {
  /** Its state belongs into a checkpoint. */
  readonly optimizer: Optimizer;
  /** Moving averages of the parameters. */
  readonly ema: Ema;
  /** Of the training. */
  readonly batches: ArpgBatches;
  readonly #inputs: readonly [tokens: Tensor, classes: Tensor, order: Tensor];
  readonly #schedule: Schedule;
  readonly #dropoutStep = new Scalar(0);
  readonly #step: Captured<Tensor>;

  /** Records a step, to be replayed. */
  constructor(model: Arpg, data: TokenCodes, options: ArpgLikelihoodOptions) {
    const { steps, batchSize, learningRate, warmupSteps, emaDecay, seed } = options;
    const parameters = [...model.parameters().values()];
    const { device } = parameters[0]!;
    this.batches = new ArpgBatches(data, batchSize, options.classDropout, seed, options.cropsUntil);
    this.#schedule = warmup(warmupSteps, cosine(learningRate, learningRate / 50, steps));
    this.optimizer = optimizerOf(model, options);
    this.ema = new Ema(device, parameters, emaDecay);
    const { cells } = model.config;
    this.#inputs = [
      device.zeros([batchSize, cells], "i32"),
      device.zeros([batchSize], "i32"),
      device.zeros([batchSize, cells], "i32"),
    ];
    this.#step = device.capture(() => {
      const dropout = keyedDropouts(options.dropout, { seed, stream: dropoutStream, step: this.#dropoutStep });
      const { logits, targets } = model.forward(...this.#inputs, { dropout });
      const loss = mean(crossEntropy(logits, targets));
      this.optimizer.step(gradients(loss, parameters));
      this.ema.update();
      return loss;
    });
  }

  /** Runs step n (from 0); returns its loss, in nats a token, as a tensor that the next step overwrites. */
  step(n: number): Tensor {
    const { batches, optimizer } = this;
    batches.fill(n);
    const [tokens, classes, order] = this.#inputs;
    tokens.write(batches.tokens);
    classes.write(batches.classes);
    order.write(batches.order);
    this.#dropoutStep.value = n;
    optimizer.learningRate.value = this.#schedule(n);
    optimizer.advance();
    this.#step.replay();
    return this.#step.result;
  }

  /** Gives the step's memory back. */
  dispose(): void {
    this.#step.dispose();
  }
}

/** Weight decay for matrices, none for gains and embeddings. */
function optimizerOf(
  model: Arpg,
  { optimizer, weightDecay, maxGradNorm }: ArpgLikelihoodOptions,
): Optimizer {
  const named = [...model.parameters()];
  const parameters = named.map(([, tensor]) => tensor);
  const { device } = parameters[0]!;
  const isMatrix = ([name, { shape }]: readonly [string, Tensor]) =>
    shape.length === 2 && !/^(embeddings|positions)\./.test(name);
  const decayOf = (entry: readonly [string, Tensor]) => isMatrix(entry) ? weightDecay : 0;
  const betas = [0.9, 0.95] as const;
  if (optimizer === "adamw") {
    return new AdamW(device, parameters, { betas, weightDecay: named.map(decayOf), maxGradNorm });
  }
  const hidden = (entry: readonly [string, Tensor]) => isMatrix(entry) && entry[0] !== "head.weight";
  const others = named.filter((entry) => !hidden(entry));
  return new Muon(device, parameters, {
    matrices: named.map(hidden),
    weightDecay,
    adamW: { betas, weightDecay: others.map(decayOf), maxGradNorm },
  });
}
