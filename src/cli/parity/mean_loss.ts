import type { Module } from "../../nn/module.ts";
import { crossEntropy } from "../../ops/cross_entropy.ts";
import { mean } from "../../ops/reduce.ts";
import type { HostTensor } from "../../tensor/host_tensor.ts";
import { gradients } from "../../tensor/tape.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/**
 * The mean cross entropy `loss` of class ids and `grad.<name>` for every parameter of the model, as cases name them;
 * nothing where a case has no targets.
 */
export async function meanLoss(
  model: Module,
  logits: Tensor,
  targets: HostTensor | undefined,
): Promise<[string, HostTensor][]> {
  if (!targets) return [];
  const { device } = logits;
  const loss = mean(crossEntropy(logits, device.tensor(Int32Array.from(targets.data), targets.shape)));
  const parameters = model.parameters();
  const values = await device.read([loss, ...gradients(loss, [...parameters.values()])]);
  return [
    ["loss", { shape: [1], data: values[0]! }],
    ...[...parameters].map(([name, { shape }], i): [string, HostTensor] => [
      `grad.${name}`,
      { shape, data: values[i + 1]! },
    ]),
  ];
}
