import { ArpgDecoder } from "../models/arpg_decoder.ts";
import { cellOrder, type DecodeOrder } from "../models/decode_order.ts";
import { groupSizes } from "../models/decode_schedule.ts";
import type { Guidance, Sampling } from "../models/decode_step.ts";
import type { FrozenArpg } from "../models/frozen_arpg.ts";
import { ProbedDecoder } from "../models/probed_decoder.ts";
import type { DecodingPolicy } from "../policy/decoding_policy.ts";
import { PolicyChoice } from "../policy/policy_choice.ts";
import type { StepBudget } from "../policy/step_budget.ts";
import { philox } from "../tensor/philox.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Settings of a {@link PolicyRollout}. */
export interface PolicyRolloutOptions extends Sampling {
  /** Conditions of an update: a class and a number of target steps each. */
  readonly groups: number;
  /** G, rollouts of one condition. */
  readonly groupSize: number;
  readonly guidance: Guidance;
  /** Whether the rollouts of a group share the noise of the tokens, so that they differ by the policy alone. */
  readonly commonNoise: boolean;
  /** Classes to paint, in turn; default all of the model's, from 0 up. */
  readonly classes?: readonly number[];
  /** u32. */
  readonly seed: number;
}

/** Paintings of an update, one entry each; a group's rollouts stand in a row. */
export interface Painted {
  /** i32 `[B, N]`, rewritten by the next update. */
  readonly tokens: Tensor;
  /** i32 `[B, N]`: the step that painted a cell. */
  readonly painted: Tensor;
  /** `[B, N]`: log-probability of every token where it was drawn. */
  readonly logProbs: Tensor;
}

/** Philox stream of the updates' seeds. */
const updateStream = 0x7570;

/**
 * The paintings of an update, wholly on the device: the policy's, and for every group one by ARPG's own schedule (arccos,
 * random order) with the same class, the same number of steps and the same noise, to measure the reward against.
 */
export class PolicyRollout implements Disposable {
  /** Holds the decisions of the policy's paintings after {@link paint}. */
  readonly choice: PolicyChoice;
  /** `[B, 2]`: steps and probed cells of the policy's paintings. */
  readonly cost: Tensor;
  /** The policy's. */
  readonly rollouts: Painted;
  /** The hand schedule's, one a group. */
  readonly hand: Painted;
  readonly #decoder: ProbedDecoder;
  readonly #baseline: ArpgDecoder;

  /** Records both decodings. */
  constructor(
    private readonly model: FrozenArpg,
    policy: DecodingPolicy,
    private readonly budget: StepBudget,
    private readonly options: PolicyRolloutOptions,
  ) {
    const { groups, groupSize, temperature, topK, topP, guidance } = options;
    const { options: { degrees, targets }, steps } = budget;
    const batch = groups * groupSize, { cells } = model.config;
    const cut = { ...(topK ? { topK } : {}), ...(topP ? { topP } : {}) };
    const sampling = { temperature, ...cut, guidance, logProbs: true };
    this.choice = new PolicyChoice(policy, budget, { batch, temperature: 1, keep: true });
    this.#decoder = new ProbedDecoder(model, { ...sampling, batch, steps, degrees, choose: this.choice.choose });
    const mostGroup = Math.max(...targets.flatMap((target) => groupSizes("arccos", target, cells)));
    const plan = { steps: Math.max(...targets), mostKnown: 0, mostGroup };
    this.#baseline = new ArpgDecoder(model, { ...sampling, batch: groups, plan });
    this.rollouts = paintedBy(this.#decoder);
    this.cost = this.#decoder.decoded.cost;
    this.hand = paintedBy(this.#baseline);
  }

  /** Class and target steps of the groups of update n: all pairs in turn. */
  conditions(n: number): { readonly classes: number[]; readonly targets: number[] } {
    const { options: { groups, classes }, model: { config }, budget: { options: { targets } } } = this;
    const numbers = Array.from({ length: groups }, (_, g) => n * groups + g);
    const round = classes?.length ?? config.classes;
    return {
      classes: numbers.map((i) => classes ? classes[i % round]! : i % round),
      // Shifted with every round through the classes, so that each class meets each target.
      targets: numbers.map((i) => targets[(i + Math.floor(i / round)) % targets.length]!),
    };
  }

  /** Paints for update n, in two submits, without a wait. */
  paint(n: number): void {
    const { options: { groups, groupSize, commonNoise, seed }, model: { config: { cells } } } = this;
    const { classes, targets } = this.conditions(n);
    const [updateSeed] = philox([n, 0, 0, 0], [seed, updateStream]);
    const batch = groups * groupSize;
    const each = <T>(values: readonly T[]) => values.flatMap((value) => Array<T>(groupSize).fill(value));
    const group = Array.from({ length: groups }, (_, g) => g);
    const rollouts = Array.from({ length: batch }, (_, b) => b);
    const orders = (rule: DecodeOrder) => group.map((sample) => [...cellOrder(rule, cells, updateSeed, sample)]);
    this.choice.write({ classes: each(classes), targets: each(targets), rollouts });
    this.#decoder.decode({
      classes: Int32Array.from(each(classes)),
      order: Int32Array.from(each(orders(this.budget.options.prior.order)).flat()),
      // Numbers of the hand schedule's paintings come first: without common noise no rollout has one of them.
      samples: Int32Array.from(commonNoise ? each(group) : rollouts.map((b) => groups + b)),
      seed: updateSeed,
    });
    const steps = Math.max(...this.budget.options.targets);
    const table = new Int32Array(steps * groups);
    targets.forEach((target, g) =>
      groupSizes("arccos", target, cells).forEach((count, t) => table[t * groups + g] = count)
    );
    this.#baseline.decode({
      classes: Int32Array.from(classes),
      order: Int32Array.from(orders("random").flat()),
      samples: Int32Array.from(group),
      seed: updateSeed,
      groups: table,
    });
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    this.#decoder.dispose();
    this.#baseline.dispose();
    this.choice.dispose();
  }
}

function paintedBy({ decoded: { tokens, painted, logProbs } }: ProbedDecoder | ArpgDecoder): Painted {
  return { tokens, painted, logProbs: logProbs! };
}
