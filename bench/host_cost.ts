import { encodeCopies, type Pass } from "../src/gpu/command_list.ts";
import type { Recording } from "../src/gpu/recorder.ts";
import type { Device } from "../src/tensor/device.ts";
import { median } from "./statistics.ts";

/** What replaying a recording costs the host, in microseconds. */
export interface HostCost {
  /** Of a replay of one dispatch: encoder, upload of the params that change, submit. */
  readonly submit: number;
  /** What every further dispatch or copy of the recording adds. */
  readonly op: number;
  /** The same for plain WebGPU calls in a loop, with everything prepared: what no recorder can go below. */
  readonly plainOp: number;
}

/**
 * Takes the host's time apart. Grids are empty, so that the device has nothing to do: a software adapter would take the
 * host's cores and caches. All else is as in the step, and the queue is idle before every replay.
 *
 * @param advance changes the recording's `Scalar`s as the step's program does between replays.
 * @param replays whose time is taken; V8 compiles the loop in as many before.
 */
export async function hostCost(
  device: Device,
  recording: Recording,
  advance: () => void,
  replays = 100,
): Promise<HostCost> {
  const { recorder } = device.gpu;
  const passes = recording.passes.map(withoutWork);
  const empty: Recording = { ...recording, passes };
  const last = passes.flatMap(({ dispatches }) => dispatches).slice(-1);
  const single: Recording = { ...recording, passes: [{ copies: [], dispatches: last }], length: 1 };
  const plain = (what: Recording) => plainReplay(device.gpu.adapter.device, what);
  const [one, all, plainOne, plainAll] = await inTurn(device, replays, [
    () => (advance(), recorder.replay(single)),
    () => (advance(), recorder.replay(empty)),
    plain(single),
    plain(empty),
  ]) as [number, number, number, number];
  const more = recording.length - 1;
  return { submit: one, op: (all - one) / more, plainOp: (plainAll - plainOne) / more };
}

/** Median microseconds of each program on an idle device; they take turns, so that what disturbs one disturbs all. */
async function inTurn(device: Device, replays: number, programs: readonly (() => void)[]): Promise<number[]> {
  const times = programs.map((): number[] => []);
  for (let i = 0; i < 2 * replays; i++) {
    for (const [p, run] of programs.entries()) {
      await device.idle();
      const start = performance.now();
      run();
      if (i >= replays) times[p]!.push((performance.now() - start) * 1000);
    }
  }
  return times.map(median);
}

function withoutWork({ copies, dispatches }: Pass): Pass {
  return { copies, dispatches: dispatches.map((dispatch) => ({ ...dispatch, grid: [0, 0, 0] as const })) };
}

/** A recording's calls with nothing around them, in the order in which the recorder makes them. */
function plainReplay(device: GPUDevice, { passes, uniform, uniformGroup }: Recording): () => void {
  const flat = passes.map((pass) => ({
    pass,
    calls: pass.dispatches.map(({ kernel: { pipeline }, group, offset }) =>
      [pipeline, group, Uint32Array.of(offset)] as const
    ),
  }));
  const word = new Uint8Array(4), at = uniform.size - 4; // no kernel's params reach so far
  return () => {
    const encoder = device.createCommandEncoder();
    device.queue.writeBuffer(uniform, at, word);
    for (const { pass, calls } of flat) {
      encodeCopies(encoder, pass);
      const compute = encoder.beginComputePass();
      let last: GPUComputePipeline | null = null;
      for (const [pipeline, group, offsets] of calls) {
        if (pipeline !== last) compute.setPipeline(last = pipeline);
        compute.setBindGroup(0, group);
        compute.setBindGroup(1, uniformGroup, offsets, 0, 1);
        compute.dispatchWorkgroups(0, 0, 0);
      }
      compute.end();
    }
    device.queue.submit([encoder.finish()]);
  };
}
