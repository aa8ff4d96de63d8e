import type { HostTensor } from "../src/tensor/host_tensor.ts";
import type { Contender } from "./contender.ts";
import type { KernelName } from "./suites/kernel_cases.ts";
import type { StepName } from "./suites/step_cases.ts";

/** Values of a race; ids are i32. */
export type Values = HostTensor<Float32Array | Int32Array>;

/** What a peer is asked to compute. */
export interface KernelTask {
  readonly name: KernelName;
  readonly inputs: readonly Values[];
  /**
   * Where given, the result is not the op's outputs y but the gradients of `sum_i sum(y_i w_i)` by all inputs of
   * floating point, w being these weights.
   */
  readonly weights?: readonly HostTensor<Float32Array>[];
}

/** A training step: forward, backward, AdamW. Its result is the loss, compared at the fourth step. */
export interface StepTask {
  readonly name: StepName;
  /** First values by name, in the layouts of `step_cases.ts`. */
  readonly parameters: Readonly<Record<string, HostTensor<Float32Array>>>;
  readonly inputs: readonly Values[];
}

/** Another library that runs on the same adapter. */
export interface Peer {
  /** Its package. */
  readonly name: string;
  readonly version: string;
  /** Null where it has no such op. */
  kernel(task: KernelTask): Contender | null | Promise<Contender | null>;
  /** Null where it does not train. */
  step(task: StepTask): Contender | null;
}

/** What every file of `peers/` exports as `open`. */
export type OpenPeer = () => Promise<Peer>;
