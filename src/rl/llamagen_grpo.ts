import type { LlamaGen } from "../models/llamagen.ts";
import type { LlamaGenPainter } from "../models/llamagen_painter.ts";
import type { VqTokenizer } from "../models/vq_tokenizer.ts";
import { concat } from "../ops/concat.ts";
import { type AdvantageForm, groupAdvantage } from "../ops/group_advantage.ts";
import { mean } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import type { Captured } from "../tensor/captured.ts";
import type { Device } from "../tensor/device.ts";
import { philox } from "../tensor/philox.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { UpdateMetrics } from "./decoding_grpo.ts";
import { GeneratorGrpo } from "./generator_grpo.ts";
import type { GeneratorGrpoOptions } from "./generator_options.ts";
import type { Grader } from "./grader.ts";
import { PhaseClock } from "./phase_clock.ts";
import { tokenPictures } from "./token_pictures.ts";

/** Settings of {@link LlamaGenGrpo}; guidance and temperature are the painter's. */
export interface LlamaGenGrpoOptions extends Omit<GeneratorGrpoOptions, "guidance" | "temperature" | "topK" | "topP"> {
  /** G, rollouts of one class; the painter's batch holds as many classes as it has room for. */
  readonly groupSize: number;
  /** Classes to paint, in turn; default all of the model's, from 0 up. */
  readonly classes?: readonly number[];
  /** How rewards are compared within a group. */
  readonly advantage: AdvantageForm;
  /** Pictures decoded from their tokens together; default all, which large ones may not have the memory for. */
  readonly pixelsTogether?: number;
  /** Of the sampling, u32. */
  readonly seed: number;
}

/** What the rewards made of an update's pictures. */
interface Grades {
  /** `[B]`. */
  readonly advantage: Tensor;
  /** Of `groupAdvantage`. */
  readonly statistics: Tensor;
  /** Means of the total and of every part. */
  readonly means: Tensor;
}

/** Updates between two in which the host waits for each phase, to time it. */
const timedEvery = 10;
/** Philox stream of the updates' seeds. */
const updateStream = 0x7570;

/**
 * Group-relative policy optimisation of a LlamaGen, the method of AR-GRPO (arXiv 2508.06924) on the model of that paper:
 * for every class G pictures are painted, rewarded and compared within their group; {@link GeneratorGrpo} then makes
 * their tokens likelier or less likely. The painter decodes with the weights that are trained, so nothing has to follow.
 *
 * An update is a submit a cell, two for pictures and rewards, one for each gradient step and one before them, and one
 * readback (with a reward of the user's on the host, one more).
 */
export class LlamaGenGrpo implements Disposable {
  /** Its optimiser and averages belong into a checkpoint. */
  readonly generator: GeneratorGrpo<LlamaGen>;
  readonly #device: Device;
  /** i32 `[B]`. */
  readonly #classes: Tensor;
  /** i32 `[B, N]`: cell t is painted in step t. */
  readonly #painted: Tensor;
  readonly #pictures: Captured<Tensor>;
  readonly #grades: Captured<Grades>;

  /**
   * Records an update, to be replayed.
   *
   * @param painter of the model that is trained; its batch is that of an update.
   * @param reference the model of the divergence, which stays as it is; null for none.
   * @param grader for as many pictures as the batch has, and none of a hand schedule.
   * @throws {RangeError} where the batch is not divided into groups, or the groups not into the parts.
   * @throws {UserError} for settings that have no log-probability or no reference.
   */
  constructor(
    private readonly painter: LlamaGenPainter,
    reference: LlamaGen | null,
    tokenizer: VqTokenizer,
    private readonly grader: Grader,
    private readonly options: LlamaGenGrpoOptions,
  ) {
    const { model, batch, images: { tokens }, options: sampling } = painter, { cells } = model.config;
    const { groupSize, pixelsTogether } = options;
    if (batch % groupSize) {
      throw new RangeError(`Cannot divide a batch of ${batch} pictures into groups of ${groupSize}`);
    }
    const device = this.#device = tokens.device;
    const steps = Int32Array.from({ length: batch * cells }, (_, i) => i % cells);
    this.#classes = device.persistent(() => device.zeros([batch], "i32"));
    this.#painted = device.persistent(() => device.tensor(steps, [batch, cells]));
    this.#pictures = device.capture(() => device.noGrad(() => tokenPictures(tokenizer, tokens, pixelsTogether)));
    this.#grades = device.capture(() => device.noGrad(() => this.#grade()));
    const { temperature, topK, topP, guidance = 1 } = sampling;
    const experience = {
      ...{ tokens, painted: this.#painted, classes: this.#classes },
      advantage: this.#grades.result.advantage,
    };
    this.generator = new GeneratorGrpo(model, reference, null, experience, {
      ...options,
      ...{ temperature, guidance: { scale: guidance, form: "constant" } },
      ...(topK ? { topK } : {}),
      ...(topP ? { topP } : {}),
    });
  }

  /** Pictures of the last update `[B, C, S, S]` in [0, 1]. */
  get pictures(): Tensor {
    return this.#pictures.result;
  }

  /** Runs update `n`, counted from 0, and returns its metrics. */
  async update(n: number): Promise<UpdateMetrics> {
    const { painter, grader, generator, options: { groupSize, innerEpochs, seed } } = this;
    const clock = new PhaseClock(this.#device, n % timedEvery === 0);
    const classes = Int32Array.from({ length: painter.batch }, (_, b) => this.#classOf(n, Math.floor(b / groupSize)));
    const [updateSeed] = philox([n, 0, 0, 0], [seed, updateStream]);
    this.#classes.write(classes);
    painter.replay(classes, classes.map((_, b) => b), updateSeed);
    this.#pictures.replay();
    await clock.mark("rollout");
    grader.prepare(n);
    await grader.askModules({ images: this.#pictures.result, classes: this.#classes });
    this.#grades.replay();
    await clock.mark("reward");
    generator.remember(n);
    for (let epoch = 0; epoch < innerEpochs; epoch++) generator.improve();
    await clock.mark("update");
    const { statistics, means } = this.#grades.result;
    const [rewards, graded, learnt, ...observed] = await this.#device.read([
      ...[statistics, means, generator.statistics],
      ...grader.observed,
    ]);
    grader.adapt(observed as Float32Array[]);
    const names = ["reward", ...grader.names.map((name) => `reward_${name}`)];
    const found = generator.metrics(learnt as Float32Array);
    return {
      ...Object.fromEntries(names.map((name, i) => [name, graded![i]!])),
      reward_std: rewards![3]!,
      zero_variance_groups: rewards![0]!,
      excluded_rewards: rewards![1]!,
      ...grader.metrics(),
      ...Object.fromEntries(Object.entries(found).map(([name, value]) => [`generator_${name}`, value])),
      learning_rate: generator.optimizer.learningRate.value,
      ...clock.seconds(),
    };
  }

  /** Exchanges the weights with their averages; done twice, it restores both. */
  swapAverages(): void {
    this.generator.ema.swap();
  }

  /** Gives the memory of the captured steps back; the painter stays. */
  dispose(): void {
    this.generator.dispose();
    this.#grades.dispose();
    this.#pictures.dispose();
    for (const tensor of [this.#classes, this.#painted]) tensor.dispose();
  }

  /** {@link dispose}, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The class of a group of update n: all classes in turn. */
  #classOf(n: number, group: number): number {
    const { painter: { model, batch }, options: { classes, groupSize } } = this;
    const i = n * batch / groupSize + group;
    return classes ? classes[i % classes.length]! : i % model.config.classes;
  }

  #grade(): Grades {
    const { groupSize, advantage: form } = this.options;
    const { tokens, logProbs } = this.painter.images, batch = tokens.shape[0]!;
    const paintings = { tokens, painted: this.#painted, logProbs };
    const pictures = { images: this.#pictures.result, classes: this.#classes, ...paintings };
    const cost = this.#device.zeros([batch, 2]); // all pictures take as many steps
    const { total, parts } = this.grader.grade(pictures, cost, cost);
    const { advantage, statistics } = groupAdvantage(total, { groupSize, form });
    const means = concat([total, ...parts].map((values) => reshape(mean(values), [1])), 0);
    return { advantage, statistics, means };
  }
}
