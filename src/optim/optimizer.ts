import type { Scalar } from "../gpu/params.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * What trainers ask of an optimiser. A step is: set `learningRate.value`, call `advance()`, then `step(grads)` or replay
 * the captured step.
 */
export interface Optimizer {
  /** Learning rate of the next step; 0 until set. */
  readonly learningRate: Scalar;
  /** Global norm `[1]` of the last step's gradients, before clipping, as far as the optimiser clips them. */
  readonly gradNorm: Tensor;
  /** Begins the next step. */
  advance(): void;
  /** Records the update of all parameters, given gradients in their order. */
  step(grads: readonly Tensor[]): void;
  /** What a checkpoint must hold to go on bit for bit. */
  state(): Map<string, Tensor>;
  /** Takes up what `state` gave. @throws {UserError} for another optimiser's state; nothing is changed then. */
  restore(state: ReadonlyMap<string, HostTensor>): void;
}
