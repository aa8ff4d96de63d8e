import type { Arpg } from "../models/arpg.ts";
import type { FrozenArpg } from "../models/frozen_arpg.ts";
import type { VqTokenizer } from "../models/vq_tokenizer.ts";
import { concat } from "../ops/concat.ts";
import { type AdvantageForm, groupAdvantage } from "../ops/group_advantage.ts";
import { mean } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import { slice } from "../ops/slice.ts";
import { storeRow } from "../ops/store_row.ts";
import { AdamW } from "../optim/adamw.ts";
import { Ema } from "../optim/ema.ts";
import { cosine, type Schedule, warmup } from "../optim/schedule.ts";
import { Scalar } from "../gpu/params.ts";
import type { DecodingPolicy } from "../policy/decoding_policy.ts";
import type { StepBudget } from "../policy/step_budget.ts";
import type { Captured } from "../tensor/captured.ts";
import type { Device } from "../tensor/device.ts";
import { gradients } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { decisionColumns, decisionLoss, type DecisionLossOptions } from "./decision_loss.ts";
import { GeneratorGrpo } from "./generator_grpo.ts";
import type { GeneratorGrpoOptions } from "./generator_options.ts";
import { paintingMetrics } from "./painting_metrics.ts";
import { type Painted, PolicyRollout, type PolicyRolloutOptions } from "./policy_rollout.ts";
import type { Grader } from "./grader.ts";
import { PhaseClock } from "./phase_clock.ts";
import { tokenPictures } from "./token_pictures.ts";

/** Settings of {@link DecodingGrpo}. */
export interface DecodingGrpoOptions extends PolicyRolloutOptions, DecisionLossOptions {
  /** False where the policy stays as it is and the generator alone is trained. */
  readonly trainPolicy: boolean;
  /** Passes over the paintings of one update; from the second on the clip acts. */
  readonly innerEpochs: number;
  /** Parts that the groups are divided into; each is a gradient step. */
  readonly minibatches: number;
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
  /** Pictures decoded from their tokens together; default all, which large ones may not have the memory for. */
  readonly pixelsTogether?: number;
}

/** The generator itself, to be trained beside the policy or in its place. */
export interface TrainedGenerator {
  /** With the weights of the frozen one that paints, which follows it. */
  readonly model: Arpg;
  /** What it must stay close to; null for none. */
  readonly reference: Arpg | null;
  readonly options: GeneratorGrpoOptions;
}

/** What one update did, by name. */
export type UpdateMetrics = Record<string, number>;

/** Columns of the journal, a row for each gradient step. */
const columns = [...decisionColumns, "loss", "gradient_norm"] as const;

/** Updates between two in which the host waits for each phase, to time it. */
const timedEvery = 10;

/** What the rewards made of an update's pictures. */
interface Grades {
  /** i32 `[B]`. */
  readonly classes: Tensor;
  /** `[B]`. */
  readonly advantage: Tensor;
  /** Of `groupAdvantage`. */
  readonly statistics: Tensor;
  /** Means over the policy's pictures, then over the hand schedule's, of the total and of every part. */
  readonly means: Tensor;
}

/**
 * Group-relative policy optimisation of a decoding policy: for every condition, a class and a number of target steps, G
 * pictures are painted by a frozen ARPG under the policy, rewarded, and compared within their group; every degree and
 * every pick is then made likelier or less likely by its picture's advantage under a clipped ratio of its own.
 *
 * An update is two submits for the paintings, two for pictures and rewards, one for each gradient step, and one readback
 * (with a reward of the user's on the host, one more). In every tenth the host also waits between the phases, to time
 * them.
 */
export class DecodingGrpo {
  /** Its state belongs into a checkpoint. */
  readonly optimizer: AdamW;
  /** Averages of the weights; paintings use the weights themselves. */
  readonly ema: Ema;
  readonly #device: Device;
  readonly #rollout: PolicyRollout;
  readonly #schedule: Schedule;
  /** Of each picture; `targets` as i32 for the rewards, `wanted` as f32 for arithmetic. */
  readonly #inputs: Record<"classes" | "targets" | "wanted", Tensor>;
  readonly #pictures: Captured<Tensor>;
  readonly #grades: Captured<Grades>;
  readonly #inner: readonly Captured<void>[];
  /** Null where the policy alone is trained. */
  readonly generator: GeneratorGrpo | null;
  readonly #journal: Tensor;
  readonly #row = new Scalar(0);

  /**
   * Records an update, to be replayed.
   *
   * @param generator to train the generator, and with `trainPolicy: false` it alone.
   * @throws {RangeError} where the groups cannot be divided into the minibatches.
   */
  constructor(
    painter: { readonly model: FrozenArpg; readonly tokenizer: VqTokenizer },
    policy: DecodingPolicy,
    private readonly budget: StepBudget,
    private readonly grader: Grader,
    private readonly options: DecodingGrpoOptions,
    generator?: TrainedGenerator,
  ) {
    const { groups, groupSize, minibatches, learningRate, warmupUpdates, maxGradNorm } = options;
    if (groups % minibatches) {
      throw new RangeError(
        `Cannot divide ${groups} groups into ${minibatches} minibatches: wanted a number that divides the groups`,
      );
    }
    const parameters = [...policy.parameters().values()];
    const device = this.#device = painter.model.device;
    const batch = groups * groupSize;
    this.#rollout = new PolicyRollout(painter.model, policy, budget, options);
    this.#schedule = warmup(warmupUpdates, cosine(learningRate, learningRate / 10, options.updates));
    this.optimizer = new AdamW(device, parameters, { betas: [0.9, 0.99], weightDecay: 0, maxGradNorm });
    this.ema = new Ema(device, parameters, options.emaDecay);
    this.#inputs = device.persistent(() => ({
      classes: device.zeros([batch + groups], "i32"),
      targets: device.zeros([batch + groups], "i32"),
      wanted: device.zeros([batch + groups]),
    }));
    this.#journal = device.persistent(() => device.zeros([options.innerEpochs * minibatches, columns.length]));
    this.#pictures = device.capture(() =>
      device.noGrad(() => {
        const { rollouts, hand } = this.#rollout;
        return tokenPictures(painter.tokenizer, concat([rollouts.tokens, hand.tokens], 0), options.pixelsTogether);
      })
    );
    this.#grades = device.capture(() => device.noGrad(() => this.#grade()));
    const part = batch / minibatches;
    const { classes, advantage } = this.#grades.result;
    const experience = { ...this.#rollout.rollouts, classes, advantage };
    this.generator = generator
      ? new GeneratorGrpo(generator.model, generator.reference, painter.model, experience, generator.options)
      : null;
    this.#inner = Array.from(
      { length: options.trainPolicy ? minibatches : 0 },
      (_, m) => device.capture(() => this.#improve(policy, parameters, m * part, (m + 1) * part)),
    );
  }

  /** Pictures of the last update `[B + groups, C, S, S]` in [0, 1], the hand schedule's last. */
  get pictures(): Tensor {
    return this.#pictures.result;
  }

  /** Runs update `n`, counted from 0, and returns its metrics. */
  async update(n: number): Promise<UpdateMetrics> {
    const { innerEpochs, groups, groupSize } = this.options;
    const timed = n % timedEvery === 0;
    const clock = new PhaseClock(this.#device, timed);
    this.optimizer.learningRate.value = this.#schedule(n);
    const { classes, targets } = this.#rollout.conditions(n);
    const each = <T>(values: readonly T[]) => values.flatMap((value) => Array<T>(groupSize).fill(value));
    this.#inputs.classes.write(Int32Array.from([...each(classes), ...classes]));
    this.#inputs.targets.write(Int32Array.from([...each(targets), ...targets]));
    this.#inputs.wanted.write(Float32Array.from([...each(targets), ...targets]));
    this.#rollout.paint(n);
    this.#pictures.replay();
    await clock.mark("rollout");
    this.grader.prepare(n);
    await this.grader.askModules({ images: this.#pictures.result, classes: this.#inputs.classes });
    this.#grades.replay();
    await clock.mark("reward");
    for (let epoch = 0; epoch < innerEpochs; epoch++) {
      this.#inner.forEach((step, m) => {
        this.#row.value = epoch * this.#inner.length + m;
        this.optimizer.advance();
        step.replay();
      });
    }
    for (let step = 0; this.generator && step <= innerEpochs; step++) {
      if (step === 0) this.generator.remember(n);
      else this.generator.improve();
    }
    this.generator?.refresh();
    await clock.mark("update");
    const { statistics, means } = this.#grades.result;
    const { rollouts: { painted } } = this.#rollout;
    const observed = this.grader.observed;
    const statisticsOfGenerator = this.generator ? [this.generator.statistics] : [];
    const [journal, rewards, grades, steps, ...more] = await this.#device.read([
      this.#journal,
      statistics,
      means,
      painted,
      ...observed,
      ...statisticsOfGenerator,
    ]);
    this.grader.adapt(more.slice(0, observed.length) as Float32Array[]);
    const names = ["reward", ...this.grader.names.map((name) => `reward_${name}`)];
    const graded = (name: string, hand: boolean) => grades![names.indexOf(name) + (hand ? names.length : 0)]!;
    return {
      ...Object.fromEntries(names.map((name) => [name, graded(name, false)])),
      ...Object.fromEntries(names.map((name) => [`hand_${name}`, graded(name, true)])),
      reward_above_hand: graded("reward", false) - graded("reward", true),
      reward_std: rewards![3]!,
      zero_variance_groups: rewards![0]!,
      excluded_rewards: rewards![1]!,
      ...this.grader.metrics(),
      ...(this.options.trainPolicy ? this.#journalMetrics(journal as Float32Array) : {}),
      ...this.#generatorMetrics(more.at(-1) as Float32Array),
      ...paintingMetrics(steps!, { cells: painted.shape[1]!, steps: this.budget.steps }),
      target_steps: targets.reduce((a, b) => a + b) / groups,
      learning_rate: this.optimizer.learningRate.value,
      ...clock.seconds(),
    };
  }

  /** Exchanges all that is trained with its averages; done twice, it restores both. */
  swapAverages(): void {
    this.ema.swap();
    this.generator?.ema.swap();
    this.generator?.refresh();
  }

  /** Gives the memory of the captured steps back. */
  dispose(): void {
    this.generator?.dispose();
    for (const step of this.#inner) step.dispose();
    this.#grades.dispose();
    this.#pictures.dispose();
    this.#rollout[Symbol.dispose]();
    for (const tensor of [this.#journal, ...Object.values(this.#inputs)]) tensor.dispose();
  }

  #generatorMetrics(values: Float32Array): UpdateMetrics {
    const found = this.generator?.metrics(values) ?? {};
    return Object.fromEntries(Object.entries(found).map(([name, value]) => [`generator_${name}`, value]));
  }

  /** Of the last gradient step; what must never be large, of the worst. */
  #journalMetrics(journal: Float32Array): UpdateMetrics {
    const rows = journal.length / columns.length;
    const column = (name: typeof columns[number]) =>
      Array.from({ length: rows }, (_, row) => journal[row * columns.length + columns.indexOf(name)]!);
    return {
      ...Object.fromEntries(columns.map((name) => [name, column(name).at(-1)!])),
      ratio_max: Math.max(...column("ratio_max")),
      ratio_max_degree: Math.max(...column("ratio_max_degree")),
      first_log_ratio_max: Math.max(column("log_ratio_max")[0]!, column("log_ratio_max_degree")[0]!),
    };
  }

  #grade(): Grades {
    const { groups, groupSize, advantage: form } = this.options;
    const batch = groups * groupSize;
    const { classes, targets, wanted } = this.#inputs;
    // The hand schedule takes its target steps, and its second pass is asked for the cells it paints alone.
    const all = batch + groups, cells = this.#rollout.rollouts.tokens.shape[1]!;
    const reference = concat([reshape(wanted, [all, 1]), this.#device.full([all, 1], cells)], 1);
    const spent = concat([this.#rollout.cost, slice(reference, 0, batch, all)], 0);
    const { rollouts, hand } = this.#rollout;
    const both = (part: keyof Painted) => concat([rollouts[part], hand[part]], 0);
    const paintings = { tokens: both("tokens"), painted: both("painted"), logProbs: both("logProbs") };
    const pictures = { images: this.#pictures.result, classes, targets, ...paintings };
    const { total, parts } = this.grader.grade(pictures, spent, reference);
    const { advantage, statistics } = groupAdvantage(slice(total, 0, 0, batch), { groupSize, form });
    const meanOf = (values: Tensor, from: number, to: number) => reshape(mean(slice(values, 0, from, to)), [1]);
    const graded = [total, ...parts];
    const means = concat([
      ...graded.map((values) => meanOf(values, 0, batch)),
      ...graded.map((values) => meanOf(values, batch, all)),
    ], 0);
    return { classes: slice(classes, 0, 0, batch), advantage, statistics, means };
  }

  #improve(policy: DecodingPolicy, parameters: readonly Tensor[], from: number, to: number): void {
    const { decisions, paintings } = this.#device.noGrad(() => ({
      decisions: this.#rollout.choice.decisions(from, to),
      paintings: {
        count: to - from,
        steps: this.budget.steps,
        targets: slice(this.#inputs.wanted, 0, from, to),
        advantage: slice(this.#grades.result.advantage, 0, from, to),
      },
    }));
    const { loss, statistics } = decisionLoss(policy, decisions, paintings, this.options);
    this.optimizer.step(gradients(loss, parameters));
    this.ema.update();
    this.#device.noGrad(() => {
      storeRow(this.#journal, this.#row, concat([statistics, reshape(loss, [1]), this.optimizer.gradNorm], 0));
    });
  }
}
