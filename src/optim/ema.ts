import shaderText from "../../shaders/ema.wgsl" with { type: "text" };
import type { HostTensor } from "../tensor/host_tensor.ts";
import { expectTensor } from "./expect_tensor.ts";
import type { ShaderSource } from "../gpu/kernel.ts";
import { type Device, foldGrid } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { persistentZeros } from "./persistent.ts";
import { groupBySize, slotParams, type TensorGroup } from "./tensor_groups.ts";

const shader: ShaderSource = { name: "ema", text: shaderText };

/**
 * Exponential moving averages of parameters, `a <- decay a + (1 - decay) p`, starting at the parameters' present
 * values. Evaluate with `swap(); ...; swap();`: models hold their parameters by reference.
 */
export class Ema {
  /** The averages, in the order of the parameters; while swapped, the parameters' values. */
  readonly averages: readonly Tensor[];
  readonly #groups: readonly TensorGroup[];

  /**
   * Copies the parameters.
   *
   * @param decay share of the old average, in [0, 1).
   * @throws {RangeError} for a decay outside this range.
   */
  constructor(
    private readonly device: Device,
    private readonly params: readonly Tensor[],
    private readonly decay: number,
  ) {
    if (!(decay >= 0 && decay < 1)) {
      throw new RangeError(`Cannot average parameters: decay must be at least 0 and below 1, got ${decay}`);
    }
    this.averages = params.map(({ shape }) => persistentZeros(device, shape));
    this.#groups = groupBySize(device, params.map(({ size }) => size), 2, 0);
    this.#launch("update", 1);
  }

  /** Records the update with the parameters' present values; call it after the optimiser's step. */
  update(): void {
    this.#launch("update", 1 - this.decay);
  }

  /** Records the exchange of parameters and averages. Done twice, it restores both bit for bit. */
  swap(): void {
    this.#launch("swap", 0);
  }

  /** The averages as `average.<i>` of parameter i, for a checkpoint. */
  state(): Map<string, Tensor> {
    return new Map(this.averages.map((tensor, i) => [`average.${i}`, tensor]));
  }

  /** Takes up a state saved by `state`. @throws {UserError} where an average is missing or has another shape. */
  restore(state: ReadonlyMap<string, HostTensor>): void {
    const found = this.averages.map(({ shape }, i) =>
      expectTensor("moving averages", state, `average.${i}`, shape, Float32Array)
    );
    this.averages.forEach((tensor, i) => tensor.write(found[i]!));
  }

  #launch(entry: string, rate: number): void {
    for (const { members, largest } of this.#groups) {
      const blocks = members.map((i) => Math.ceil(this.params[i]!.size / 4));
      this.device.launch(shader, entry, {
        read: [],
        write: members.flatMap((i) => [this.params[i]!, this.averages[i]!]),
        params: { ...slotParams("blocks", blocks), rate },
        overrides: { SLOTS: members.length },
        grid: foldGrid(Math.ceil(largest / 256)),
      });
    }
  }
}
