import type { Digits } from "../data/digits.ts";
import { Shuffler } from "../data/pixel_sequences.ts";
import { shiftDigits } from "../data/shift.ts";
import type { Judge } from "../models/judge.ts";
import type { VqTokenizer } from "../models/vq_tokenizer.ts";
import { expectTensor } from "../optim/expect_tensor.ts";
import { vqLossNames, VqTraining } from "../rl/vq_training.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { DigitsTokenizerConfig } from "./digits_tokenizer_config.ts";
import type { Phase } from "./phases.ts";
import { restoreTraining, trainingState } from "./training_state.ts";

/** Steps between two readings of the losses; the queue never holds more. */
const lossEvery = 10;

/** Grey levels as the tokenizer sees them, in [-1, 1]. */
export function tokenizerPixels(images: Uint8Array): Float32Array {
  return Float32Array.from(images, (level) => level / 127.5 - 1);
}

/** Training of the tokenizer as a phase; the model ends with the averaged weights. */
export class TokenizerPhase implements Phase {
  readonly name = "train";
  readonly steps: number;
  readonly #training: VqTraining;
  readonly #shuffler: Shuffler;
  #info = "";

  /**
   * Records a step.
   *
   * @param judge of the perceptual loss, where the config asks for one.
   * @param inspect is called with the number of steps done, while the model holds the averaged weights.
   */
  constructor(
    private readonly model: VqTokenizer,
    private readonly digits: Digits,
    private readonly config: DigitsTokenizerConfig,
    judge: Judge | null,
    private readonly inspect: (steps: number) => Promise<Record<string, number>>,
  ) {
    const { training, seed } = config;
    this.steps = training.steps;
    this.#shuffler = new Shuffler(digits.count, training.batch_size, seed);
    this.#training = new VqTraining(model, {
      steps: training.steps,
      batchSize: training.batch_size,
      size: digits.size,
      learningRate: training.learning_rate,
      warmupSteps: training.warmup_steps,
      weightDecay: training.weight_decay,
      maxGradNorm: training.max_grad_norm,
      emaDecay: training.ema_decay,
      reconstruction: training.reconstruction,
      codebookWeight: training.codebook_weight,
      commitmentWeight: training.commitment_weight,
      ...(judge && training.perceptual ? { perceptual: { extractor: judge, weight: training.perceptual.weight } } : {}),
      reviveAfter: training.revive_after,
      reviveUntil: training.revive_until,
      seed,
    });
  }

  state(): Map<string, Tensor> {
    return trainingState(this.model, this.#training).set("age", this.#training.age);
  }

  restore(tensors: ReadonlyMap<string, HostTensor>): void {
    const { age } = this.#training;
    const found = expectTensor("ages of codes", tensors, "age", age.shape, Uint32Array);
    restoreTraining(this.model, this.#training, tensors);
    age.write(found);
  }

  async step(n: number, log: (record: Record<string, number>) => void): Promise<string> {
    const losses = this.#training.step(n, this.#batch(n));
    if (n % lossEvery === lossEvery - 1) {
      const values = await losses.data();
      log({ step: n + 1, ...Object.fromEntries(vqLossNames.map((name, i) => [name, values[i]!])) });
      this.#info = `reconstruction ${values[vqLossNames.indexOf("reconstruction")]!.toFixed(4)}`;
    }
    if ((n + 1) % this.config.training.evaluate_every === 0) {
      this.#training.ema.swap();
      log({ step: n + 1, ...await this.inspect(n + 1) });
      this.#training.ema.swap();
    }
    return this.#info;
  }

  /** Leaves the averaged weights in the model and frees the rest. */
  finish(): void {
    this.#training.ema.swap();
    this.#training.dispose();
  }

  #batch(n: number): Float32Array {
    const { digits: { images, size }, config: { seed, data } } = this;
    const area = size * size, chosen = this.#shuffler.batch(n);
    const bytes = new Uint8Array(chosen.length * area);
    chosen.forEach((from, to) => bytes.set(images.subarray(from * area, (from + 1) * area), to * area));
    return tokenizerPixels(shiftDigits(bytes, size, data.shift, { seed, stream: 0, step: n }));
  }
}
