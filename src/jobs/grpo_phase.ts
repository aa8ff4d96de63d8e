import type { JsonValue } from "../io/json.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Phase } from "./phases.ts";

/** Looks at what is trained, which holds the averaged weights then. */
export interface Inspector<Found extends Measures = Measures> {
  /** What is found after so many updates, by name in the metrics. */
  look(updates: number): Promise<Found>;
  /** What to say of a look when it is compared with earlier ones, each with the reward then; null where all is well. */
  warn?(looks: readonly (Found & Rewarded)[], now: Found & Rewarded): string | null;
}

/** Numbers by name. */
export type Measures = Readonly<Record<string, number>>;

/** Mean reward of the epoch so far. */
export interface Rewarded {
  readonly reward: number;
}

/** What a phase asks of a trainer. */
export interface GrpoTrainer {
  /** Runs update `n`, counted from 0, and returns its metrics. */
  update(n: number): Promise<Measures>;
  /** Exchanges all that is trained with its averages; done twice, it restores both. */
  swapAverages(): void;
  /** Gives the memory of the captured steps back. */
  dispose(): void;
}

/** Settings of a {@link GrpoPhase}. */
export interface GrpoPhaseOptions {
  readonly epochs: number;
  readonly batchesPerEpoch: number;
  /** Updates between two looks. */
  readonly lookEvery: number;
  /** Writes a line of its own above the progress. */
  readonly say: (line: string) => void;
  /** Further numbers for the metrics of every update, such as memory. */
  readonly measured?: () => Measures;
}

/** GRPO on paintings as a phase, in epochs with looks between; what is trained ends with the averaged weights. */
export abstract class GrpoPhase implements Phase {
  readonly name = "grpo";
  readonly steps: number;
  /** Reward and loss of the epoch under way; with a resumed run, of what is left of it. */
  #epoch: { readonly reward: number; readonly loss: number }[] = [];
  readonly #looks: (Measures & Rewarded)[] = [];

  /** Of a trainer that has not begun. */
  constructor(
    protected readonly trainer: GrpoTrainer,
    private readonly inspector: Inspector,
    private readonly options: GrpoPhaseOptions,
  ) {
    this.steps = options.epochs * options.batchesPerEpoch;
  }

  abstract state(): Map<string, Tensor>;
  abstract restore(tensors: ReadonlyMap<string, HostTensor>): void;

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

  /** Leaves the averaged weights in what was trained and frees the rest. */
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

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
