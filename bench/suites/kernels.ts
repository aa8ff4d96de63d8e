import { uniform } from "../host_data.ts";
import type { KernelTask } from "../peer.ts";
import { stippleKernel } from "../stipple_contender.ts";
import { raceRow, type Row, type Setting, type SuiteResult } from "../suite.ts";
import { type KernelCase, kernelCases } from "./kernel_cases.ts";

/** A quick look leaves out what takes seconds. */
const quickFlops = 1e9;

/** Ops one by one, against peers. */
export async function kernels(setting: Setting): Promise<SuiteResult> {
  const { device, quick } = setting;
  const rows: Row[] = [];
  for (const kernel of kernelCases()) {
    if (kernel.gpuOnly && (device.gpu.adapter.software || quick)) continue;
    if (quick && (kernel.cost.flops ?? 0) > quickFlops) continue;
    rows.push(await kernelRow(setting, kernel));
  }
  return { rows };
}

async function kernelRow(setting: Setting, { name, title, inputs, backward, cost, wanted, ours }: KernelCase) {
  const { device, peers } = setting;
  const shapes = backward ? outputShapes(setting, inputs, ours) : [];
  const weights = shapes.map((shape, i) => uniform(50 + i, shape));
  const task: KernelTask = { name, inputs, ...backward ? { weights } : {} };
  const rivals = peers.map((peer) => ({ name: peer.name, open: () => peer.kernel(task) }));
  const row = backward ? `${title}, forward + backward` : title;
  return await raceRow(setting, { name: row, cost, wanted }, () => stippleKernel(device, task, ours), rivals);
}

/** Of the op's outputs, which gradients are weighted by. */
function outputShapes({ device }: Setting, inputs: KernelCase["inputs"], ours: KernelCase["ours"]) {
  using _scope = device.scope();
  const tensors = inputs.map(({ data, shape }) => device.tensor(data, shape));
  return ours(...tensors).record().map(({ shape }) => shape);
}
