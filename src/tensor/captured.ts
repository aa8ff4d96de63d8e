import type { BufferPool } from "../gpu/pool.ts";
import type { Recorder, Recording } from "../gpu/recorder.ts";
import type { Scope, Storage } from "./scope.ts";

/** A step recorded once: its result tensors are rewritten by every `replay`. Made by `Device.capture`. */
export class Captured<T> {
  #disposed = false;
  readonly #inputs: readonly Storage[];

  /**
   * Made by `Device.capture`.
   *
   * @param recording what a replay submits.
   * @param used the memory that the step names.
   */
  constructor(
    readonly result: T,
    private readonly recorder: Recorder,
    readonly recording: Recording,
    private readonly scope: Scope,
    used: ReadonlySet<Storage>,
    private readonly releaseMemory: ReturnType<ReturnType<BufferPool["beginCapture"]>>,
  ) {
    this.#inputs = [...used].filter((storage) => storage.alive && !scope.storages.has(storage));
  }

  /**
   * One submit, with the present values of the step's `Scalar`s and inputs.
   *
   * @throws {Error} after `dispose`, and where an input's scope has ended: its memory may serve others by now.
   */
  replay(): void {
    if (this.#disposed) throw new Error("Cannot replay a captured step after its dispose(): capture it again");
    for (const { alive } of this.#inputs) {
      if (!alive) {
        throw new Error("Cannot replay a captured step: the scope of one of its inputs has ended; keep() the input");
      }
    }
    this.recorder.replay(this.recording);
  }

  /** Gives all memory of the step back. Doing so twice is harmless. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.scope.release();
    this.releaseMemory();
    this.recording.uniform.destroy();
  }
}
