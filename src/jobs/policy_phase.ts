import type { JsonValue } from "../io/json.ts";
import type { Arpg } from "../models/arpg.ts";
import type { DecodingPolicy } from "../policy/decoding_policy.ts";
import type { DecodingGrpo } from "../rl/decoding_grpo.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Grader } from "../rl/grader.ts";
import type { Phase } from "./phases.ts";
import { prefixed, unprefixed } from "./run_state.ts";
import { restoreTraining, trainingState } from "./training_state.ts";

/** What the held-out judge found at a look. */
export interface Look extends Measures {
  readonly held_out_accuracy: number;
  readonly held_out_frechet: number;
}

/** Looks at a policy in training, which holds the averaged weights then. */
export interface Inspector<Found extends Measures = Measures> {
  /** What is found after so many updates, by name in the metrics. */
  look(updates: number): Promise<Found>;
  /** What to say of a look when it is compared with earlier ones, each with the reward then; null where all is well. */
  warn?(looks: readonly (Found & Rewarded)[], now: Found & Rewarded): string | null;
}

/** Numbers by name. */
export type Measures = Readonly<Record<string, number>>;

/** Mean reward of the epoch so far. */
interface Rewarded {
  readonly reward: number;
}

/** Settings of a {@link PolicyPhase}. */
export interface PolicyPhaseOptions {
  readonly epochs: number;
  readonly batchesPerEpoch: number;
  /** Updates between two looks. */
  readonly lookEvery: number;
  /** Writes a line of its own above the progress. */
  readonly say: (line: string) => void;
  /** Further numbers for the metrics of every update, such as memory. */
  readonly measured?: () => Measures;
}

/** GRPO of a decoding policy as a phase; the policy ends with the averaged weights. */
export class PolicyPhase implements Phase {
  readonly name = "grpo";
  readonly steps: number;
  /** Reward and loss of the epoch under way; with a resumed run, of what is left of it. */
  #epoch: { readonly reward: number; readonly loss: number }[] = [];
  readonly #looks: (Measures & Rewarded)[] = [];

  /** Of a trainer that has not begun. */
  constructor(
    private readonly policy: DecodingPolicy,
    private readonly trainer: DecodingGrpo,
    private readonly grader: Grader,
    /** Where it is trained too. */
    private readonly generator: Arpg | null,
    private readonly inspector: Inspector,
    private readonly options: PolicyPhaseOptions,
  ) {
    this.steps = options.epochs * options.batchesPerEpoch;
  }

  state(): Map<string, Tensor> {
    const { policy, trainer, grader, generator } = this;
    return new Map([
      ...trainingState(policy, trainer),
      ...prefixed("rewards", grader.state()),
      ...(generator && trainer.generator ? prefixed("generator", trainingState(generator, trainer.generator)) : []),
    ]);
  }

  restore(tensors: ReadonlyMap<string, HostTensor>): void {
    restoreTraining(this.policy, this.trainer, tensors);
    this.grader.restore(unprefixed("rewards", tensors));
    if (!this.generator || !this.trainer.generator) return;
    restoreTraining(this.generator, this.trainer.generator, unprefixed("generator", tensors));
    this.trainer.generator.refresh();
  }

  async step(n: number, log: (record: Readonly<Record<string, JsonValue>>) => void): Promise<string> {
    if (n === 0) log({ step: 0, ...await this.#look(0, NaN) }); // where the curves begin
    const metrics = await this.trainer.update(n);
    const { reward = NaN, loss = metrics.generator_loss ?? NaN } = metrics;
    this.#epoch.push({ reward, loss });
    const looked = (n + 1) % this.options.lookEvery === 0 || n + 1 === this.steps
      ? await this.#look(n + 1, mean(this.#epoch.map((each) => each.reward)))
      : {};
    log({ step: n + 1, ...metrics, ...this.options.measured?.(), ...looked });
    const { epochs, batchesPerEpoch, say } = this.options;
    const epoch = Math.floor(n / batchesPerEpoch) + 1, batch = n % batchesPerEpoch + 1;
    if (batch === batchesPerEpoch) {
      const [rewards, losses] = [this.#epoch.map((each) => each.reward), this.#epoch.map((each) => each.loss)];
      say(`Epoch ${epoch}/${epochs}: mean reward ${mean(rewards).toFixed(4)}, mean loss ${mean(losses).toFixed(4)}`);
      this.#epoch = [];
    }
    return `Epoch ${epoch}/${epochs}, Batch ${batch}/${batchesPerEpoch}: mean reward ${reward.toFixed(4)}, loss ` +
      loss.toFixed(4);
  }

  /** Leaves the averaged weights in policy and generator and frees the rest. */
  finish(): void {
    this.trainer.swapAverages();
    this.trainer.dispose();
  }

  async #look(updates: number, reward: number): Promise<Record<string, JsonValue>> {
    this.trainer.swapAverages();
    const found = await this.inspector.look(updates);
    this.trainer.swapAverages();
    const warning = this.inspector.warn?.(this.#looks, { ...found, reward });
    if (warning) this.options.say(`Warning: ${warning}`);
    this.#looks.push({ ...found, reward });
    return { ...found, ...(warning ? { warning } : {}) };
  }
}

/**
 * What to say when the reward has risen since an earlier look while the judge that no reward has seen has come to like
 * the pictures less, in accuracy and in Frechet distance; null where all is well.
 */
export function rewardHacked(
  looks: readonly (Look & Rewarded)[],
  now: Look & Rewarded,
): string | null {
  const worse = looks.findLast(({ reward, held_out_accuracy: accuracy, held_out_frechet: frechet }) =>
    now.reward > reward && now.held_out_accuracy < accuracy - 0.005 && now.held_out_frechet > 1.05 * frechet
  );
  if (!worse) return null;
  const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
  return `the reward has risen from ${worse.reward.toFixed(4)} to ${
    now.reward.toFixed(4)
  } while the held-out judge's ` +
    `accuracy fell from ${percent(worse.held_out_accuracy)} to ${percent(now.held_out_accuracy)} and the Frechet ` +
    `distance rose from ${worse.held_out_frechet.toFixed(1)} to ${now.held_out_frechet.toFixed(1)}: the policy is ` +
    "learning the reward, not to paint; see the troubleshooting in docs/decoding-policy.md";
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
