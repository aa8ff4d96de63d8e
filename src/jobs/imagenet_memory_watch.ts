import type { MetricsRecord } from "../io/metrics_log.ts";
import type { Device } from "../tensor/device.ts";
import type { Measures } from "./grpo_phase.ts";

const gib = 2 ** 30;

/** Looks at the memory of a run: what the device's pool and the process have taken at most so far. */
export class MemoryWatch {
  #process = 0;

  /** Of a device. */
  constructor(private readonly device: Device) {}

  /** `memory_peak_gib` of the device, and `process_peak_gib`, the most that was seen when this was called. */
  measure(): { readonly memory_peak_gib: number; readonly process_peak_gib: number } {
    this.#process = Math.max(this.#process, Deno.memoryUsage().rss);
    return { memory_peak_gib: this.device.gpu.pool.counters.peakBytes / gib, process_peak_gib: this.#process / gib };
  }
}

const phases = ["rollout", "reward", "update"] as const;

/** Time and memory as the end of a run tells them, a line each; the seconds are those of the last update that was timed. */
export function spentLines(
  records: readonly MetricsRecord[],
  budgetGib: number,
  { memory_peak_gib, process_peak_gib }: Measures,
): string[] {
  const timed = records.findLast((record) => phases.every((phase) => typeof record[`seconds_${phase}`] === "number"));
  const seconds = timed && phases.map((phase) => `${phase} ${Number(timed[`seconds_${phase}`]).toFixed(1)}`).join(", ");
  return [
    ...(seconds ? [`Seconds of an update: ${seconds}`] : []),
    `Memory: device at most ${memory_peak_gib!.toFixed(2)} of ${budgetGib} GiB, process ${
      process_peak_gib!.toFixed(2)
    } GiB`,
  ];
}
