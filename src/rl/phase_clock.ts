import type { Device } from "../tensor/device.ts";

/** Seconds of the phases of an update, by waiting at the end of each. */
export class PhaseClock {
  readonly #marks: [name: string, at: number][] = [["", performance.now()]];

  /** Starts. @param waits whether {@link mark} waits for the device, without which the phases cannot be told apart. */
  constructor(private readonly device: Device, private readonly waits: boolean) {}

  /** Ends a phase. */
  async mark(name: string): Promise<void> {
    if (this.waits) await this.device.gpu.adapter.device.queue.onSubmittedWorkDone();
    this.#marks.push([name, performance.now()]);
  }

  /** `seconds_total`, and where it waited the seconds of each phase. */
  seconds(): Record<string, number> {
    const since = (i: number) => (this.#marks[i]![1] - this.#marks[i - 1]![1]) / 1000;
    const phases = this.#marks.slice(1).map(([name], i) => [`seconds_${name}`, since(i + 1)]);
    const total = (performance.now() - this.#marks[0]![1]) / 1000;
    return { seconds_total: total, ...(this.waits ? Object.fromEntries(phases) : {}) };
  }
}
