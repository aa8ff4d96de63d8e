import { loadParameters, type Module } from "../nn/module.ts";
import type { Ema } from "../optim/ema.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { prefixed, unprefixed } from "./run_state.ts";

/** What changes in a training besides the weights: moments of the optimiser, averages. */
interface Training {
  readonly optimizer: Optimizer;
  readonly ema: Ema;
}

/** All that a training of a model must find again to go on. */
export function trainingState(model: Module, { optimizer, ema }: Training): Map<string, Tensor> {
  return new Map([
    ...prefixed("model", model.parameters()),
    ...prefixed("optimizer", optimizer.state()),
    ...prefixed("ema", ema.state()),
  ]);
}

/** Puts back what {@link trainingState} gave. @throws {UserError} for the state of another training. */
export function restoreTraining(
  model: Module,
  { optimizer, ema }: Training,
  tensors: ReadonlyMap<string, HostTensor>,
): void {
  loadParameters(model, unprefixed("model", tensors));
  optimizer.restore(unprefixed("optimizer", tensors));
  ema.restore(unprefixed("ema", tensors));
}
