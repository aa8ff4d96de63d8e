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
  /**
   * Read and written by the fastest of several copies, GB/s. On a software adapter this is what its loads and stores
   * cost, not its memory, which moves several times as much.
   */
  readonly gbytes: number;
}

/** A kernel of the page, its lanes in a workgroup and its texels a lane. */
export interface PeakKernel {
  readonly entry: "arithmetic" | "copy" | "copy_texels";
  readonly WG: number;
  readonly VECTORS: number;
}

const shader: ShaderSource = { name: "peak", text: shaderText };
/** Operations of a lane of `arithmetic`. */
const laneFlops = 2 * 3 * 4 * 8 * 64;
const lanes = { software: 2 ** 14, gpu: 2 ** 20 }, copied = { software: 2 ** 18, gpu: 2 ** 24 };

/** Copies of which one is the fastest; a GPU's would not fit a texture. */
export function copyKernels(software: boolean): PeakKernel[] {
  const shapes = [64, 256].flatMap((WG) => [1, 4].map((VECTORS) => ({ WG, VECTORS })));
  const entries = software ? ["copy", "copy_texels"] as const : ["copy"] as const;
  return entries.flatMap((entry) => shapes.map((shape) => ({ entry, ...shape })));
}

/** Measures both. */
export async function measurePeak(device: Device, pace: Pace): Promise<Peak> {
  const { software } = device.gpu.adapter, kind = software ? "software" : "gpu";
  const arithmetic = await timeOf(device, { entry: "arithmetic", WG: 64, VECTORS: 1 }, lanes[kind], pace);
  const copies: number[] = [];
  for (const kernel of copyKernels(software)) copies.push(await timeOf(device, kernel, copied[kind], pace));
  const copy = Math.min(...copies);
  return { gflops: lanes[kind] * laneFlops / arithmetic / 1e6, gbytes: copied[kind] * 32 / copy / 1e6 };
}

/** A kernel over `count` texels, ready to run. */
export function peakContender(device: Device, { entry, ...shape }: PeakKernel, count: number): Contender {
  const scope = device.scope();
  const values = device.tensor(uniform(1, [count * 4], 0.9).data), y = device.zeros(values.shape);
  const x = entry === "copy_texels" ? device.texture(values) : values;
  const grid = foldGrid(Math.ceil(count / (shape.WG * shape.VECTORS)));
  const captured = device.capture(() =>
    device.launch(shader, entry, { read: [x], write: [y], params: { count }, overrides: shape, grid })
  );
  return {
    name: entry,
    run: () => captured.replay(),
    settle: () => settle(device),
    results: async () => [await y.data()],
    dispose: () => {
      captured.dispose();
      scope[Symbol.dispose]();
    },
  };
}

/** Milliseconds of a kernel over `count` texels. */
async function timeOf(device: Device, kernel: PeakKernel, count: number, pace: Pace): Promise<number> {
  const contender = peakContender(device, kernel, count);
  try {
    const outcome = (await race([contender], pace)).get(kernel.entry)!;
    if ("refused" in outcome) throw new Error(`${kernel.entry}: ${outcome.refused}`);
    return outcome.timing.wall;
  } finally {
    contender.dispose();
  }
}
