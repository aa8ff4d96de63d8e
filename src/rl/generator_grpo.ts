import { Scalar } from "../gpu/params.ts";
import type { Arpg } from "../models/arpg.ts";
import { categoricalKl } from "../ops/categorical_kl.ts";
import { concat } from "../ops/concat.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { add, div, maximum, mul } from "../ops/elementwise_binary.ts";
import { neg } from "../ops/elementwise_unary.ts";
import { entropy } from "../ops/entropy.ts";
import { grpoLoss, grpoStatistics, type GrpoTokens } from "../ops/grpo_loss.ts";
import { sum } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import { slice } from "../ops/slice.ts";
import { storeRow } from "../ops/store_row.ts";
import { AdamW } from "../optim/adamw.ts";
import { Ema } from "../optim/ema.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { cosine, type Schedule, warmup } from "../optim/schedule.ts";
import type { Captured } from "../tensor/captured.ts";
import type { Device } from "../tensor/device.ts";
import type { Scope } from "../tensor/scope.ts";
import { addGradients, gradients } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkGeneratorOptions, type GeneratorGrpoOptions } from "./generator_options.ts";
import {
  drawnLogits,
  type OrderedPaintings,
  orderPaintings,
  type PaintedTokens,
  type PaintingModel,
  somePaintings,
} from "../models/painting_likelihood.ts";
import type { Normalisation } from "./token_weights.ts";

/** Paintings of an update and what they are worth. All is rewritten in place before {@link GeneratorGrpo.remember}. */
export interface GeneratorExperience extends PaintedTokens {
  /** `[B]`. */
  readonly advantage: Tensor;
}

/** Columns of {@link GeneratorGrpo.statistics}. */
export const generatorColumns = [
  "kl",
  "clip_fraction",
  "ratio_max",
  "log_ratio_max",
  "entropy",
  "loss",
  "gradient_norm",
] as const;

/** What an update's gradient steps go by. */
interface Remembered {
  /** Of all tokens; `logpNew` comes with each step. */
  readonly terms: Omit<GrpoTokens, "logpNew">;
  /** 1 for a token that was drawn, 0 for a known one, `[B, N]`. */
  readonly drawn: Tensor;
  readonly parts: readonly Part[];
}

interface Part {
  readonly paintings: OrderedPaintings;
  readonly terms: Omit<GrpoTokens, "logpNew">;
  /** `[b, N, V]` under the reference, where the divergence is exact. */
  readonly referenceLogits: Tensor | null;
}

/** Sums over the drawn tokens of a part. */
type Found = Record<"logpNew" | "loss" | "entropy" | "kl", Tensor>;

/** What paints with a copy of a model's weights, such as a `FrozenArpg`. */
export interface FrozenCopy<Model> {
  /** Records that the copy takes the present weights. */
  refresh(model: Model): void;
}

/**
 * Group-relative policy optimisation of a generator on its own paintings (AR-GRPO, arXiv 2508.06924), an ARPG or a
 * LlamaGen: the log-probability of every token, under the guided, tempered distribution of the step that drew it, is
 * raised or lowered by its painting's advantage under a clipped ratio of its own, with a divergence penalty to the
 * pretrained model.
 *
 * An update, once the experience is written: {@link remember}, then {@link improve} as often as there are inner epochs,
 * then {@link refresh}; each is one submit without a wait. Captured decoders then paint with the new weights.
 */
export class GeneratorGrpo<Model extends PaintingModel = Arpg> implements Disposable {
  /** Its state belongs into a checkpoint. */
  readonly optimizer: Optimizer;
  /** Averages of the weights; to paint with them: `ema.swap()`, `refresh()`, and back the same way. */
  readonly ema: Ema;
  /** `[innerEpochs, generatorColumns]`: a row for each gradient step of the last update; see {@link metrics}. */
  readonly statistics: Tensor;
  readonly #device: Device;
  readonly #schedule: Schedule;
  readonly #remember: Captured<Remembered>;
  readonly #improve: Captured<void>;
  readonly #refresh: Captured<void> | null;
  readonly #row = new Scalar(0);
  #steps: number;

  /**
   * Records the parts of an update, to be replayed.
   *
   * @param model what is trained.
   * @param reference the model of the divergence, which stays as it is; null for none.
   * @param frozen what paints, of the same config; null where the model itself does, as a `LlamaGenPainter` of it.
   * @throws {UserError} for settings that have no log-probability or no reference.
   * @throws {RangeError} where the paintings cannot be divided into the parts.
   */
  constructor(
    private readonly model: Model,
    private readonly reference: Model | null,
    frozen: FrozenCopy<Model> | null,
    private readonly experience: GeneratorExperience,
    private readonly options: GeneratorGrpoOptions,
  ) {
    checkGeneratorOptions(options, reference !== null, experience.advantage.size);
    const { innerEpochs, learningRate, warmupUpdates, maxGradNorm } = options;
    const parameters = [...model.parameters().values()];
    const device = this.#device = model.rotary.device;
    this.#schedule = warmup(warmupUpdates, cosine(learningRate, learningRate / 10, options.updates));
    this.optimizer = new AdamW(device, parameters, { betas: [0.9, 0.99], weightDecay: 0, maxGradNorm });
    this.ema = new Ema(device, parameters, options.emaDecay);
    this.statistics = device.persistent(() => device.zeros([innerEpochs, generatorColumns.length]));
    this.#steps = innerEpochs;
    this.#remember = device.capture(() => device.noGrad(() => this.#recall()));
    this.#improve = device.capture(() => this.#step(this.#remember.result, parameters));
    this.#refresh = frozen && device.capture(() => frozen.refresh(model));
  }

  /** Begins update `n`, counted from 0: log-probabilities before it, and those of the reference. */
  remember(n: number): void {
    this.optimizer.learningRate.value = this.#schedule(n);
    this.#steps = 0;
    this.#remember.replay();
  }

  /** One gradient step. @throws {RangeError} for more of them than there are inner epochs. */
  improve(): void {
    const { innerEpochs } = this.options;
    if (this.#steps === innerEpochs) {
      throw new RangeError(
        `Cannot improve the generator: all gradient steps of the update are done (${innerEpochs}); call remember first`,
      );
    }
    this.#row.value = this.#steps++;
    this.optimizer.advance();
    this.#improve.replay();
  }

  /** Gives the frozen copy, if there is one, the weights as they are now: after an update, and after a restored state. */
  refresh(): void {
    this.#refresh?.replay();
  }

  /** What the last update did, from the values of {@link statistics}: of its last gradient step, the ratio of the worst. */
  metrics(statistics: Float32Array): Record<string, number> {
    const width = generatorColumns.length;
    const column = (name: typeof generatorColumns[number]) =>
      Array.from(
        { length: statistics.length / width },
        (_, row) => statistics[row * width + generatorColumns.indexOf(name)]!,
      );
    return {
      ...Object.fromEntries(generatorColumns.map((name) => [name, column(name).at(-1)!])),
      ratio_max: Math.max(...column("ratio_max")),
      first_log_ratio_max: column("log_ratio_max")[0]!,
    };
  }

  /** Gives the memory of the captured steps back. */
  dispose(): void {
    for (const captured of [this.#refresh, this.#improve, this.#remember]) captured?.dispose();
    this.statistics.dispose();
  }

  /** {@link dispose}, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #recall(): Remembered {
    const { experience: { advantage }, options: { parts: count = 1 } } = this;
    const paintings = orderPaintings(this.experience);
    const { drawn } = paintings;
    const weight = weightsOf(drawn, this.options.normalisation);
    const size = drawn.shape[0]! / count;
    const parts = Array.from({ length: count }, (_, p): Part => {
      const some = (tensor: Tensor) => slice(tensor, 0, p * size, (p + 1) * size);
      const part = somePaintings(paintings, p * size, (p + 1) * size);
      const { logp: logpOld } = this.#likelihood(this.model, part, false);
      const { logp: logpRef, logits } = this.reference
        ? this.#likelihood(this.reference, part, this.options.kl === "exact")
        : { logp: logpOld, logits: null };
      const terms = { logpOld, logpRef, advantage: some(advantage), weight: some(weight) };
      return { paintings: part, terms, referenceLogits: logits };
    });
    const whole = (name: "logpOld" | "logpRef") => concat(parts.map(({ terms }) => terms[name]), 0);
    return { terms: { logpOld: whole("logpOld"), logpRef: whole("logpRef"), advantage, weight }, drawn, parts };
  }

  /** Log-probabilities of the tokens, and the logits where they are to be kept; all else dies at once. */
  #likelihood(model: Model, paintings: OrderedPaintings, keepLogits: boolean): { logp: Tensor; logits: Tensor | null } {
    using scope = this.#device.scope();
    const { logits, targets } = drawnLogits(model, paintings, this.options);
    const logp = scope.keep(neg(crossEntropy(logits, targets)));
    return { logp, logits: keepLogits ? scope.keep(logits) : null };
  }

  #step({ terms, drawn, parts }: Remembered, parameters: readonly Tensor[]): void {
    const found: Found[] = [];
    let total: readonly Tensor[] = [];
    for (const part of parts) {
      using scope = this.#device.scope();
      const { grads, ...values } = this.#differentiate(part, parameters, scope);
      const sums = total.length ? addGradients(total, grads) : grads;
      for (const tensor of total) tensor.dispose();
      total = sums.map((tensor) => scope.keep(tensor));
      found.push(values);
    }
    this.optimizer.step(total);
    this.ema.update();
    this.#device.noGrad(() => {
      const count = maximum(sum(drawn), 1);
      const all = (name: "loss" | "entropy" | "kl") => found.map((part) => part[name]).reduce((a, b) => add(a, b));
      const logpNew = concat(found.map((part) => part.logpNew), 0);
      const statistics = grpoStatistics({ ...terms, logpNew }, this.options);
      const estimated = this.reference && this.options.kl !== "exact";
      const kl = estimated ? slice(statistics, 0, 0, 1) : div(all("kl"), count);
      const row = [kl, slice(statistics, 0, 1, 4), div(all("entropy"), count), all("loss"), this.optimizer.gradNorm];
      storeRow(this.statistics, this.#row, concat(row.map((values) => reshape(values, [values.size])), 0));
    });
  }

  /** Gradients of the loss of a part, and sums for the statistics, kept beyond the scope. */
  #differentiate({ paintings, terms, referenceLogits }: Part, parameters: readonly Tensor[], scope: Scope) {
    const { kl, beta, clipLow, clipHigh, delta } = this.options;
    const { logits, targets } = drawnLogits(this.model, paintings, this.options);
    const logpNew = neg(crossEntropy(logits, targets));
    const penalty = kl === "exact" || !this.reference
      ? { beta: 0, klEstimator: "none" as const }
      : { beta, klEstimator: kl };
    let loss = sum(grpoLoss({ ...terms, logpNew }, { clipLow, clipHigh, delta, ...penalty }));
    const divergence = referenceLogits && categoricalKl(logits, referenceLogits);
    if (divergence && beta > 0) loss = add(loss, mul(sum(mul(divergence, terms.weight)), beta));
    const grads = gradients(loss, parameters);
    return this.#device.noGrad(() => {
      const overDrawn = (values: Tensor) => sum(mul(values, paintings.drawn));
      const found: Found = {
        logpNew,
        loss,
        entropy: overDrawn(entropy(logits)),
        kl: divergence ? overDrawn(divergence) : this.#device.zeros([]),
      };
      for (const tensor of Object.values(found)) scope.keep(tensor);
      return { grads, ...found };
    });
  }
}

/** What the loss of every token is multiplied by, `[B, N]`: as `tokenWeights`, of a mask on the device. */
function weightsOf(drawn: Tensor, normalisation: Normalisation): Tensor {
  const [batch, cells] = drawn.shape as [number, number];
  switch (normalisation) {
    case "constant_length":
      return mul(drawn, 1 / (batch * cells));
    case "sequence_mean":
      return div(drawn, mul(maximum(sum(drawn, 1, true), 1), batch));
    case "token_mean":
      return div(drawn, maximum(sum(drawn), 1));
  }
}
