import { join } from "node:path";
import type { JsonValue } from "../io/json.ts";
import { MetricsLog } from "../io/metrics_log.ts";
import { removeLeftovers } from "../io/atomic.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import { Progress } from "../report/progress.ts";
import { stepOf } from "../report/run_record.ts";
import { TensorBoardLog } from "../report/tensorboard.ts";
import type { Device } from "../tensor/device.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { loadState, type SavedState, saveState } from "./run_state.ts";

/** Thrown when the user asked to stop: the state is saved. */
export class Interrupted extends Error {
  override name = "Interrupted";
}

/** Lets signals in: they are delivered between turns of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** A part of a job that goes in steps and can be interrupted between any two of them. */
export interface Phase {
  readonly name: string;
  readonly steps: number;
  /** Everything that changes from step to step. */
  state(): ReadonlyMap<string, Tensor>;
  restore(tensors: ReadonlyMap<string, HostTensor>): void;
  /** Runs step `n`, counted from 0, and returns a few words for the progress line. */
  step(n: number, log: (record: Readonly<Record<string, JsonValue>>) => void): Promise<string>;
}

/** Runs the phases of a job in order, saving as it goes, from the beginning or from where a run stopped. */
export class PhaseRunner {
  #lines = 0;
  #lastSave = performance.now();
  #progress: Progress | null = null;

  private constructor(
    readonly run: RunDirectory,
    private readonly device: Device,
    private readonly log: MetricsLog,
    private readonly events: TensorBoardLog,
    private readonly signal: AbortSignal,
    private readonly saveSeconds: number,
    private saved: SavedState | null,
  ) {
    this.#lines = saved?.lines ?? 0;
  }

  /** @param resume take up the saved state of the run; metrics after it are dropped, since they will come again. */
  static async open(
    run: RunDirectory,
    device: Device,
    options: { readonly resume: boolean; readonly signal: AbortSignal; readonly saveSeconds: number },
  ): Promise<PhaseRunner> {
    if (options.resume) { for (const folder of run.folders) await removeLeftovers(folder); }
    const saved = options.resume ? await loadState(run) : null;
    const log = await MetricsLog.open(run.metrics);
    await log.truncateTo(saved?.lines ?? 0);
    const events = await TensorBoardLog.open(join(run.path, "tensorboard"));
    return new PhaseRunner(run, device, log, events, options.signal, options.saveSeconds, saved);
  }

  /** True where the saved state lies behind this phase, given all phases in order: its result is on disk. */
  isDone(name: string, order: readonly string[]): boolean {
    return this.saved !== null && order.indexOf(this.saved.phase) > order.indexOf(name);
  }

  /** Notes that a phase begins, so that a run killed from here on does not repeat the one before. */
  async begin(name: string): Promise<void> {
    if (this.saved?.phase === name) return;
    this.saved = null;
    await saveState(this.run, this.device, { phase: name, step: 0, lines: this.#lines }, new Map());
  }

  /** Runs the steps of a phase that are still to do. @throws {Interrupted} after saving, where the signal asks. */
  async steps(phase: Phase): Promise<void> {
    const from = this.saved?.phase === phase.name ? this.saved.step : 0;
    if (from > 0) phase.restore(this.saved!.tensors);
    this.saved = null;
    using progress = this.#progress = new Progress(phase.steps, { initial: from });
    for (let n = from; n < phase.steps; n++) {
      const info = await phase.step(n, (record) => this.record({ phase: phase.name, ...record }));
      progress.update(n + 1, `${phase.name} ${info}`);
      await nextTurn();
      const due = performance.now() - this.#lastSave > this.saveSeconds * 1000;
      if (!due && !this.signal.aborted) continue;
      using _scope = this.device.scope(); // a state may hold tensors made for it
      await saveState(this.run, this.device, { phase: phase.name, step: n + 1, lines: this.#lines }, phase.state());
      this.#lastSave = performance.now();
      if (this.signal.aborted) throw new Interrupted();
    }
  }

  /** Prints a line of its own above the progress of the phase under way. */
  say(line: string): void {
    this.#progress?.message(line);
  }

  /** Appends to metrics.jsonl, and the numbers to TensorBoard's events under the phase's name. */
  record(record: Readonly<Record<string, JsonValue>>): void {
    this.log.append(record);
    this.events.append(stepOf(record) ?? this.#lines, { [String(record.phase)]: record }, Date.now() / 1000);
    this.#lines++;
  }

  [Symbol.dispose](): void {
    this.log.close();
    this.events.close();
  }
}
