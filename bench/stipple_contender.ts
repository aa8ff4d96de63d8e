import type { Contender } from "./contender.ts";
import type { KernelTask, Values } from "./peer.ts";
import type { Prepared } from "./suites/kernel_cases.ts";
import { add, mul } from "../src/ops/elementwise_binary.ts";
import { sum } from "../src/ops/reduce.ts";
import type { Device } from "../src/tensor/device.ts";
import { gradients } from "../src/tensor/tape.ts";
import type { Tensor } from "../src/tensor/tensor.ts";

/** Waits for the queue as peers do. A read would be answered sooner, and the price of waiting is subtracted anyway. */
export async function settle({ gpu }: Device): Promise<void> {
  gpu.recorder.flush();
  await gpu.adapter.device.queue.onSubmittedWorkDone();
}

/** Host values on the device; those of floating point want gradients where asked for. */
export function deviceTensors(device: Device, values: readonly Values[], wantGradients: boolean): Tensor[] {
  return values.map(({ data, shape }) => {
    const tensor = device.tensor(data, shape);
    tensor.requiresGrad = wantGradients && tensor.dtype === "f32";
    return tensor;
  });
}

/** An op of Stipple, recorded once and replayed. It holds a scope: what was made last is disposed of first. */
export function stippleKernel(
  device: Device,
  { inputs, weights }: KernelTask,
  prepare: (...inputs: Tensor[]) => Prepared,
): Contender {
  const scope = device.scope();
  const tensors = deviceTensors(device, inputs, weights !== undefined);
  const { record, before } = prepare(...tensors);
  const factors = weights && deviceTensors(device, weights, false);
  const captured = device.capture(() => {
    if (!factors) return device.noGrad(record);
    const loss = record().map((out, i) => sum(mul(out, factors[i]!))).reduce((a, b) => add(a, b));
    return gradients(loss, tensors.filter(({ requiresGrad }) => requiresGrad));
  });
  return {
    name: "stipple",
    run: () => {
      before?.();
      captured.replay();
    },
    settle: () => settle(device),
    results: () => device.read(captured.result),
    dispose: () => {
      captured.dispose();
      scope[Symbol.dispose]();
    },
  };
}
