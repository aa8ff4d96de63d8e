import shaderText from "../../shaders/adamw.wgsl" with { type: "text" };
import type { ShaderSource } from "../gpu/kernel.ts";
import { Scalar } from "../gpu/params.ts";
import { type Device, foldGrid } from "../tensor/device.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import { sameShape, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { expectTensor } from "./expect_tensor.ts";
import { gradientNorm } from "./gradient_norm.ts";
import { persistentZeros } from "./persistent.ts";
import { groupBySize, slotParams, type TensorGroup } from "./tensor_groups.ts";

const shader: ShaderSource = { name: "adamw", text: shaderText };

/** Settings of {@link AdamW}. */
export interface AdamWOptions {
  /** Decay of the running means of the gradient and of its square; default 0.9 and 0.999. */
  readonly betas?: readonly [number, number];
  /** Added to the root of the second moment; default 1e-8. */
  readonly eps?: number;
  /** Decoupled weight decay, one for all parameters or one each; default 0.01. */
  readonly weightDecay?: number | readonly number[];
  /** Gradients are scaled down to this global norm; default no clipping. */
  readonly maxGradNorm?: number;
}

/**
 * AdamW with decoupled weight decay and global-norm clipping, with the numbers of PyTorch's `AdamW` and
 * `clip_grad_norm_`. Everything runs on the device, also inside a capture: set `learningRate.value`, call `advance()`,
 * then `step(grads)` or replay the captured step.
 *
 * Several tensors share a dispatch, as many as the adapter has storage bindings for; parameters and moments stay
 * tensors of their own.
 */
export class AdamW {
  /** Learning rate of the next step; 0 until set. */
  readonly learningRate: Scalar = new Scalar(0);
  /** Global norm `[1]` of the last step's gradients, before clipping. */
  readonly gradNorm: Tensor;
  readonly #firstMoments: readonly Tensor[];
  readonly #secondMoments: readonly Tensor[];
  readonly #groups: readonly TensorGroup[];
  readonly #decay: readonly number[];
  readonly #beta1: number;
  readonly #beta2: number;
  readonly #eps: number;
  readonly #maxNorm: number;
  readonly #bias1 = new Scalar(1);
  readonly #bias2Root = new Scalar(1);
  #steps = 0;

  /**
   * Makes the moments, zero, and the learning rate, 0.
   *
   * @param params the tensors that `step` updates in place; none may stand twice.
   * @throws {RangeError} for a number of weight decays other than that of parameters.
   */
  constructor(private readonly device: Device, private readonly params: readonly Tensor[], options: AdamWOptions = {}) {
    const { betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0.01, maxGradNorm = Infinity } = options;
    [this.#beta1, this.#beta2] = betas;
    this.#eps = eps;
    this.#maxNorm = Math.min(maxGradNorm, 3e38);
    this.#decay = typeof weightDecay === "number" ? params.map(() => weightDecay) : weightDecay;
    if (this.#decay.length !== params.length) {
      throw new RangeError(
        `Cannot make AdamW: wanted a weight decay for each of ${params.length} parameters, got ${this.#decay.length}`,
      );
    }
    this.#groups = groupBySize(device, params.map(({ size }) => size), 4, 1);
    this.#firstMoments = params.map(({ shape }) => persistentZeros(device, shape));
    this.#secondMoments = params.map(({ shape }) => persistentZeros(device, shape));
    this.gradNorm = persistentZeros(device, [1]);
  }

  /** Steps taken, as counted by `advance`. */
  get steps(): number {
    return this.#steps;
  }

  /** Begins the next step: the bias corrections follow the step count. Call it before `step` or before a replay. */
  advance(): void {
    this.#setSteps(this.#steps + 1);
  }

  /**
   * Records the clipping and the update of all parameters.
   *
   * @param grads gradients in the order of the parameters.
   * @throws {RangeError} for gradients of other shapes.
   */
  step(grads: readonly Tensor[]): void {
    if (grads.length !== this.params.length) {
      throw new RangeError(`Cannot step AdamW: wanted ${this.params.length} gradients, got ${grads.length}`);
    }
    grads.forEach(({ shape }, i) => {
      const wanted = this.params[i]!.shape;
      if (sameShape(shape, wanted)) return;
      throw new RangeError(
        `Cannot step AdamW: gradient ${i} must have its parameter's shape ${showShape(wanted)}, got ${
          showShape(shape)
        }`,
      );
    });
    gradientNorm(grads, this.gradNorm);
    for (const { members, largest } of this.#groups) {
      const blocks = members.map((i) => Math.ceil(this.params[i]!.size / 4));
      this.device.launch(shader, "forward", {
        read: [this.gradNorm, ...members.map((i) => grads[i]!)],
        write: members.flatMap((i) => [this.params[i]!, this.#firstMoments[i]!, this.#secondMoments[i]!]),
        params: {
          ...slotParams("blocks", blocks),
          ...slotParams("decay", members.map((i) => this.#decay[i]!)),
          rate: this.learningRate,
          gain1: 1 - this.#beta1,
          beta2: this.#beta2,
          gain2: 1 - this.#beta2,
          eps: this.#eps,
          bias1: this.#bias1,
          bias2_root: this.#bias2Root,
          max_norm: this.#maxNorm,
        },
        overrides: { SLOTS: members.length },
        grid: foldGrid(Math.ceil(largest / 256)),
      });
    }
  }

  /**
   * What a checkpoint must hold to go on bit for bit: `exp_avg.<i>` and `exp_avg_sq.<i>` of parameter i, and `step`
   * (u32 `[1]`), which is written anew by every call.
   */
  state(): Map<string, Tensor> {
    const state = new Map([["step", this.device.tensor(Uint32Array.of(this.#steps))]]);
    for (const [name, tensor] of this.#moments()) state.set(name, tensor);
    return state;
  }

  /**
   * Takes up a state saved by `state`.
   *
   * @throws {UserError} where a tensor is missing or has another shape or type; nothing is changed then.
   */
  restore(state: ReadonlyMap<string, HostTensor>): void {
    const step = expectTensor("AdamW", state, "step", [1], Uint32Array);
    const moments = [...this.#moments()].map(([name, tensor]) =>
      [tensor, expectTensor("AdamW", state, name, tensor.shape, Float32Array)] as const
    );
    for (const [tensor, data] of moments) tensor.write(data);
    this.#setSteps(step[0]!);
  }

  *#moments(): Generator<[string, Tensor]> {
    for (const i of this.params.keys()) {
      yield [`exp_avg.${i}`, this.#firstMoments[i]!];
      yield [`exp_avg_sq.${i}`, this.#secondMoments[i]!];
    }
  }

  #setSteps(steps: number): void {
    this.#steps = steps;
    this.#bias1.value = 1 - this.#beta1 ** steps;
    this.#bias2Root.value = Math.sqrt(1 - this.#beta2 ** steps);
  }
}
