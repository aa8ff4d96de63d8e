import type { Digits } from "../data/digits.ts";
import { sequenceBatch, Shuffler } from "../data/pixel_sequences.ts";
import { Scalar } from "../gpu/params.ts";
import type { LstmGenerator } from "../models/lstm_generator.ts";
import { categoricalKl } from "../ops/categorical_kl.ts";
import { concat } from "../ops/concat.ts";
import { add, mul } from "../ops/elementwise_binary.ts";
import { entropy } from "../ops/entropy.ts";
import { type AdvantageForm, groupAdvantage } from "../ops/group_advantage.ts";
import { grpoLoss, grpoStatistics } from "../ops/grpo_loss.ts";
import { mean, sum } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import { storeRow } from "../ops/store_row.ts";
import { AdamW } from "../optim/adamw.ts";
import { Ema } from "../optim/ema.ts";
import { cosine, type Schedule, warmup } from "../optim/schedule.ts";
import type { WeightedReward } from "../rewards/reward.ts";
import type { Captured } from "../tensor/captured.ts";
import type { Device } from "../tensor/device.ts";
import { gradients } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { likelihoodLoss } from "./maximum_likelihood.ts";
import { RolloutRows, tokenLogProbs } from "./pixel_rollout.ts";
import { type Normalisation, tokenWeights } from "./token_weights.ts";

/** Settings of {@link ArGrpo}. */
export interface ArGrpoOptions {
  /** The class of each group; G rollouts are drawn for every entry. */
  readonly groups: readonly number[];
  /** G, rollouts of one group. */
  readonly groupSize: number;
  /** Passes over the rollouts of one update; from the second on the clip acts. */
  readonly innerEpochs: number;
  /** Highest learning rate: reached after the warm-up, then a cosine takes it to a tenth at the last update. */
  readonly learningRate: number;
  /** Number of updates the learning rate is planned for. */
  readonly updates: number;
  /** Updates over which the rate rises from zero. */
  readonly warmupUpdates: number;
  /** Bound of the global gradient norm. */
  readonly maxGradNorm: number;
  /** Decay of the averaged weights at every gradient step: they are what is evaluated and kept. */
  readonly emaDecay: number;
  /** How rewards are compared within a group. */
  readonly advantage: AdvantageForm;
  /** Over what the tokens' losses are averaged. */
  readonly normalisation: Normalisation;
  /** The ratio is clipped below at `1 - clipLow`. */
  readonly clipLow: number;
  /** The ratio is clipped above at `1 + clipHigh`. */
  readonly clipHigh: number;
  /** Largest ratio that counts where the advantage is negative (dual clip). */
  readonly delta: number;
  /** `exact` sums over all grey levels at every pixel, `k2` and `k3` estimate from the drawn one. */
  readonly kl: "exact" | "k2" | "k3";
  /** Weight of the divergence from the reference model. */
  readonly beta: number;
  /** Weight of the likelihood of real digits beside the policy gradient (PPO-ptx, arXiv 2203.02155, eq. 2). */
  readonly likelihoodWeight: number;
  /** Real digits in the likelihood of one inner epoch. */
  readonly likelihoodBatch: number;
  /** Of the sampling. */
  readonly temperature: number;
  /** Of the sampling and of the order of the real digits. */
  readonly seed: number;
}

/** What one update did, by name; see docs/ar-grpo.md. */
export type UpdateMetrics = Record<string, number>;

interface Experience {
  readonly tokens: Tensor;
  readonly logpOld: Tensor;
  /** Logits of the reference model, `[N, T, V]`; null without a reference. */
  readonly referenceLogits: Tensor | null;
  readonly logpRef: Tensor;
  readonly advantage: Tensor;
  /** Share of groups without spread, excluded rewards, mean and deviation of the reward. */
  readonly rewardStatistics: Tensor;
  /** Mean of each part of the reward. */
  readonly parts: readonly Tensor[];
}

/** Columns of what an inner epoch finds. */
const found = ["klK3", "clipFraction", "ratioMax", "logRatioMax", "kl", "entropy", "likelihood", "gradNorm"] as const;

/**
 * Group-relative policy optimisation of a pixel generator (AR-GRPO, arXiv 2508.06924): for every class G pictures are
 * sampled, rewarded, compared within their group, and every pixel's log-probability is raised or lowered by its
 * picture's advantage under a clipped ratio, with a divergence penalty to the pretrained model.
 *
 * The experience (rollout, reward, advantage, reference) is one submit, every inner epoch another; each is read at once.
 */
export class ArGrpo {
  /** Its state belongs into a checkpoint. */
  readonly optimizer: AdamW;
  /** Averages of the weights; rollouts use the weights themselves. */
  readonly ema: Ema;
  readonly #device: Device;
  readonly #schedule: Schedule;
  readonly #update = new Scalar(0);
  readonly #experience: Captured<Experience>;
  readonly #inner: Captured<void>;
  /** `[inner epochs, found]`: every inner epoch leaves its row, so that none of them waits for the host. */
  readonly #journal: Tensor;
  readonly #epoch = new Scalar(0);
  /** Real digits for the likelihood, rewritten before every inner epoch; null without. */
  readonly #real: { readonly order: Shuffler; readonly batch: readonly [Tensor, Tensor, Tensor] } | null;

  /**
   * Records an update, to be replayed.
   *
   * @param reference the frozen model of the divergence; null for none.
   * @param digits real digits for the likelihood term.
   */
  constructor(
    private readonly model: LstmGenerator,
    reference: LstmGenerator | null,
    private readonly rewards: readonly WeightedReward[],
    private readonly digits: Digits,
    private readonly options: ArGrpoOptions,
  ) {
    const { groups, groupSize, learningRate, warmupUpdates, maxGradNorm, likelihoodBatch, seed } = options;
    const parameters = [...model.parameters().values()];
    const device = this.#device = parameters[0]!.device;
    const { pixels } = model.config;
    const labels = groups.flatMap((label) => Array<number>(groupSize).fill(label));
    const rows = new RolloutRows(device, model, labels);
    const weight = device.tensor(
      tokenWeights(new Float32Array(labels.length * pixels).fill(1), pixels, options.normalisation),
      [labels.length, pixels],
    );
    this.#schedule = warmup(warmupUpdates, cosine(learningRate, learningRate / 10, options.updates));
    this.optimizer = new AdamW(device, parameters, { betas: [0.9, 0.99], weightDecay: 0, maxGradNorm });
    this.ema = new Ema(device, parameters, options.emaDecay);
    const ids = () => device.zeros([likelihoodBatch, pixels], "i32");
    this.#real = options.likelihoodWeight > 0
      ? { order: new Shuffler(digits.count, likelihoodBatch, seed + 1), batch: [ids(), ids(), ids()] }
      : null;
    this.#journal = device.zeros([options.innerEpochs, found.length]);
    this.#experience = device.capture(() => device.noGrad(() => this.#collect(rows, reference)));
    this.#inner = device.capture(() => this.#improve(rows, weight, this.#experience.result, parameters));
  }

  /**
   * Runs update `n`, counted from 0, and returns its metrics: a readback after the experience, which parts the times of
   * the phases, and one at the end. The inner epochs between them are one submit each and wait for nothing.
   */
  async update(n: number): Promise<UpdateMetrics> {
    const { innerEpochs } = this.options;
    this.#update.value = n;
    this.optimizer.learningRate.value = this.#schedule(n);
    const started = performance.now();
    this.#experience.replay();
    const { rewardStatistics, parts } = this.#experience.result;
    const [rewards, ...means] = await this.#device.read([rewardStatistics, ...parts]);
    const collected = performance.now();
    for (let epoch = 0; epoch < innerEpochs; epoch++) {
      this.#loadReal(n * innerEpochs + epoch);
      this.#epoch.value = epoch;
      this.optimizer.advance();
      this.#inner.replay();
    }
    const journal = await this.#journal.data();
    const column = (name: typeof found[number]) =>
      Array.from({ length: innerEpochs }, (_, epoch) => journal[epoch * found.length + found.indexOf(name)]!);
    const last = (name: typeof found[number]) => column(name).at(-1)!;
    return {
      reward: rewards![2]!,
      reward_std: rewards![3]!,
      zero_variance_groups: rewards![0]!,
      excluded_rewards: rewards![1]!,
      ...Object.fromEntries(this.rewards.map(({ reward }, i) => [`reward_${reward.name}`, means[i]![0]!])),
      kl: last("kl"),
      kl_k3: last("klK3"),
      entropy: last("entropy"),
      clip_fraction: last("clipFraction"),
      ratio_max: Math.max(...column("ratioMax")),
      first_log_ratio_max: column("logRatioMax")[0]!,
      likelihood: last("likelihood"),
      gradient_norm: last("gradNorm"),
      learning_rate: this.optimizer.learningRate.value,
      seconds_rollout_reward: (collected - started) / 1000,
      seconds_update: (performance.now() - collected) / 1000,
    };
  }

  /** Gives the memory of the captured steps back. */
  dispose(): void {
    this.#inner.dispose();
    this.#experience.dispose();
  }

  #collect(rows: RolloutRows, reference: LstmGenerator | null): Experience {
    const { temperature, seed, groupSize, advantage: form } = this.options;
    const { tokens, logProbs } = rows.rollout({ temperature, seed, update: this.#update, stream: 1 });
    const painted = { images: rows.images(tokens), classes: rows.classes };
    const scores = this.rewards.map(({ reward, weight }) => ({ score: reward.score(painted), weight }));
    const total = scores.map(({ score, weight }) => mul(score, weight)).reduce((a, b) => add(a, b));
    const { advantage, statistics } = groupAdvantage(total, { groupSize, form });
    const referenceLogits = reference && rows.logits(reference, tokens, temperature);
    return {
      tokens,
      logpOld: logProbs,
      referenceLogits,
      logpRef: referenceLogits ? tokenLogProbs(referenceLogits, tokens) : logProbs,
      advantage,
      rewardStatistics: statistics,
      parts: scores.map(({ score }) => reshape(mean(score), [1])),
    };
  }

  #improve(rows: RolloutRows, weight: Tensor, experience: Experience, parameters: readonly Tensor[]): void {
    const { temperature, clipLow, clipHigh, delta, kl, beta, likelihoodWeight } = this.options;
    const { tokens, logpOld, logpRef, advantage, referenceLogits } = experience;
    const logits = rows.logits(this.model, tokens, temperature);
    const terms = { logpNew: tokenLogProbs(logits, tokens), logpOld, logpRef, advantage, weight };
    const estimated = kl === "exact" || !referenceLogits
      ? { beta: 0, klEstimator: "none" as const }
      : { beta, klEstimator: kl };
    let loss = sum(grpoLoss(terms, { clipLow, clipHigh, delta, ...estimated }));
    const vocab = logits.shape.at(-1)!;
    const flat = reshape(logits, [logits.size / vocab, vocab]);
    const zero = () => this.#device.zeros([1]);
    let divergence = zero();
    if (referenceLogits) {
      const exact = mean(categoricalKl(flat, reshape(referenceLogits, flat.shape)));
      divergence = reshape(exact, [1]);
      if (kl === "exact" && beta > 0) loss = add(loss, mul(exact, beta));
    }
    let likelihood = zero();
    if (this.#real) {
      const real = likelihoodLoss(this.model, ...this.#real.batch);
      likelihood = reshape(real, [1]);
      loss = add(loss, mul(real, likelihoodWeight));
    }
    this.optimizer.step(gradients(loss, parameters));
    this.ema.update();
    this.#device.noGrad(() => {
      const statistics = grpoStatistics(terms, { clipLow, clipHigh });
      const surprise = reshape(mean(entropy(flat)), [1]);
      const row = concat([statistics, divergence, surprise, likelihood, this.optimizer.gradNorm], 0);
      storeRow(this.#journal, this.#epoch, row);
    });
  }

  #loadReal(n: number): void {
    if (!this.#real) return;
    const { order, batch } = this.#real;
    const { inputs, places, targets } = sequenceBatch(this.digits, order.batch(n), this.model.config);
    [inputs, places, targets].forEach((values, i) => batch[i]!.write(values));
  }
}
