import shaderText from "./peak.wgsl" with { type: "text" };
import type { Contender } from "./contender.ts";
import { uniform } from "./host_data.ts";
import { type Pace, race } from "./race.ts";
import { settle } from "./stipple_contender.ts";
import type { ShaderSource } from "../src/gpu/kernel.ts";
import { type Device, foldGrid } from "../src/tensor/device.ts";

/** What an adapter reaches in kernels that do nothing else. */
export interface Peak {
  /** Products and sums in registers, GFLOP/s. */
  readonly gflops: number;
  /** Read and written by a copy from buffer to buffer, GB/s. */
  readonly gbytes: number;
}

const shader: ShaderSource = { name: "peak", text: shaderText };
/** Operations of a lane of `arithmetic`. */
const laneFlops = 2 * 3 * 4 * 8 * 64;
const lanes = { software: 2 ** 14, gpu: 2 ** 20 }, copied = { software: 2 ** 18, gpu: 2 ** 24 };

/** Measures both. */
export async function measurePeak(device: Device, pace: Pace): Promise<Peak> {
  const kind = device.gpu.adapter.software ? "software" : "gpu";
  const arithmetic = await timeOf(device, "arithmetic", lanes[kind], pace);
  const copy = await timeOf(device, "copy", copied[kind], pace);
  return { gflops: lanes[kind] * laneFlops / arithmetic / 1e6, gbytes: copied[kind] * 32 / copy / 1e6 };
}

/** Milliseconds of an entry over `count` lanes, a texel each. */
async function timeOf(device: Device, entry: "arithmetic" | "copy", count: number, pace: Pace): Promise<number> {
  const scope = device.scope();
  const x = device.tensor(uniform(1, [count * 4], 0.9).data), y = device.empty(x.shape);
  const captured = device.capture(() =>
    device.launch(shader, entry, { read: [x], write: [y], params: { count }, grid: foldGrid(Math.ceil(count / 64)) })
  );
  const contender: Contender = {
    name: entry,
    run: () => captured.replay(),
    settle: () => settle(device),
    results: async () => [await y.data()],
    dispose: () => {
      captured.dispose();
      scope[Symbol.dispose]();
    },
  };
  try {
    const outcome = (await race([contender], pace)).get(entry)!;
    if ("refused" in outcome) throw new Error(`${entry}: ${outcome.refused}`);
    return outcome.timing.wall;
  } finally {
    contender.dispose();
  }
}
