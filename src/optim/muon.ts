import shaderText from "../../shaders/muon.wgsl" with { type: "text" };
import type { ShaderSource } from "../gpu/kernel.ts";
import type { Scalar } from "../gpu/params.ts";
import { add, div, mul } from "../ops/elementwise_binary.ts";
import { sqrt, square } from "../ops/elementwise_unary.ts";
import { matmul } from "../ops/matmul.ts";
import { sum } from "../ops/reduce.ts";
import { type Device, foldGrid } from "../tensor/device.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import { showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { AdamW, type AdamWOptions } from "./adamw.ts";
import { expectTensor } from "./expect_tensor.ts";
import type { Optimizer } from "./optimizer.ts";
import { persistentZeros } from "./persistent.ts";

const shader: ShaderSource = { name: "muon", text: shaderText };

/** Settings of {@link Muon}. */
export interface MuonOptions {
  /** Which parameters are matrices of hidden layers; AdamW takes the others. */
  readonly matrices: readonly boolean[];
  /** Decay of the matrices' momentum; default 0.95. */
  readonly momentum?: number;
  /** Decoupled weight decay of the matrices; default 0.01. */
  readonly weightDecay?: number;
  /** Of the other parameters. */
  readonly adamW?: AdamWOptions;
}

/** Coefficients and number of the Newton-Schulz iterations: singular values end between about 0.7 and 1.2. */
const [a, b, c] = [3.4445, -4.775, 2.0315], iterations = 5;
/** Root mean square of an update at rate 1, so that rates and decays of AdamW serve. */
const updateSize = 0.2;

/** Matrices of one shape, orthogonalised together. */
interface Stack {
  readonly rows: number;
  readonly cols: number;
  readonly members: readonly number[];
}

/**
 * Muon: momentum, orthogonalised, for the matrices of hidden layers (Jordan et al. 2024, "Muon: An optimizer for hidden
 * layers in neural networks"), and AdamW for all other parameters.
 *
 * For a matrix with gradient G: `M <- mu M + G`, `U = G + mu M`, `X = U / |U|`, five times
 * `X <- a X + (b A + c A^2) X` with `A = X X^T`, which drives all singular values towards 1, and
 * `W <- (1 - r d) W - 0.2 r sqrt(max(rows, cols)) X` (scale of Liu et al. 2025, arXiv 2502.16982, equation 4). The
 * direction does not depend on the gradient's size: matrices are not clipped.
 */
export class Muon implements Optimizer {
  readonly learningRate: Scalar;
  /** Of the parameters that AdamW takes. */
  readonly gradNorm: Tensor;
  readonly #others: readonly number[];
  readonly #adamW: AdamW;
  readonly #stacks: readonly Stack[];
  readonly #momenta: ReadonlyMap<number, Tensor>;
  readonly #mu: number;
  readonly #decay: number;

  /**
   * Makes the momenta, zero, and the learning rate, 0.
   *
   * @param params the tensors that `step` updates in place; none may stand twice.
   * @throws {RangeError} for a mark that is missing, or a marked parameter that is no matrix.
   */
  constructor(private readonly device: Device, private readonly params: readonly Tensor[], options: MuonOptions) {
    const { matrices, momentum = 0.95, weightDecay = 0.01, adamW = {} } = options;
    if (matrices.length !== params.length) {
      throw new RangeError(
        `Cannot make Muon: wanted a mark for each of ${params.length} parameters, got ${matrices.length}`,
      );
    }
    const marked = [...params.keys()].filter((i) => matrices[i]);
    for (const i of marked) {
      if (params[i]!.shape.length === 2) continue;
      throw new RangeError(
        `Cannot make Muon: parameter ${i} must be a matrix, got shape ${
          showShape(params[i]!.shape)
        }; leave it to AdamW`,
      );
    }
    this.#others = [...params.keys()].filter((i) => !matrices[i]);
    this.#adamW = new AdamW(device, this.#others.map((i) => params[i]!), adamW);
    this.learningRate = this.#adamW.learningRate;
    this.gradNorm = this.#adamW.gradNorm;
    this.#stacks = [...Map.groupBy(marked, (i) => showShape(params[i]!.shape)).values()].map((members) => {
      const [rows, cols] = params[members[0]!]!.shape as [number, number];
      return { rows, cols, members };
    });
    this.#momenta = new Map(marked.map((i) => [i, persistentZeros(device, params[i]!.shape)]));
    this.#mu = momentum;
    this.#decay = weightDecay;
  }

  advance(): void {
    this.#adamW.advance();
  }

  /**
   * Records the update of all parameters.
   *
   * @param grads gradients in the order of the parameters.
   * @throws {RangeError} for another number of gradients, or gradients of other shapes.
   */
  step(grads: readonly Tensor[]): void {
    if (grads.length !== this.params.length) {
      throw new RangeError(`Cannot step Muon: wanted ${this.params.length} gradients, got ${grads.length}`);
    }
    this.#adamW.step(this.#others.map((i) => grads[i]!));
    this.device.noGrad(() => {
      for (const stack of this.#stacks) this.#update(stack, grads);
    });
  }

  /** `momentum.<i>` of matrix i, and AdamW's state. */
  state(): Map<string, Tensor> {
    const state = this.#adamW.state();
    for (const [i, momentum] of this.#momenta) state.set(`momentum.${i}`, momentum);
    return state;
  }

  restore(state: ReadonlyMap<string, HostTensor>): void {
    const found = [...this.#momenta].map(([i, momentum]) =>
      [momentum, expectTensor("Muon", state, `momentum.${i}`, momentum.shape, Float32Array)] as const
    );
    this.#adamW.restore(state);
    for (const [momentum, data] of found) momentum.write(data);
  }

  #update({ rows, cols, members }: Stack, grads: readonly Tensor[]): void {
    const { device, params } = this;
    using _scope = device.scope();
    const size = rows * cols, grid = foldGrid(Math.ceil(size / 64));
    const update = device.empty([members.length, rows, cols], "f32", "muon");
    const shared = {
      size,
      mu: this.#mu,
      rate: this.learningRate,
      scale: updateSize * Math.sqrt(Math.max(rows, cols)),
      decay: this.#decay,
    };
    members.forEach((i, n) =>
      device.launch(shader, "momentum", {
        read: [grads[i]!],
        write: [this.#momenta.get(i)!, update],
        params: { ...shared, first: n * size },
        grid,
      })
    );
    const direction = orthogonalised(update);
    members.forEach((i, n) =>
      device.launch(shader, "apply", {
        read: [direction],
        write: [params[i]!],
        params: { ...shared, first: n * size },
        grid,
      })
    );
  }
}

/**
 * Matrices `[N, R, C]` with their singular values driven towards 1 by Newton-Schulz iterations of degree five; `A` is
 * taken on the shorter side. Zero stays zero.
 */
export function orthogonalised(matrices: Tensor): Tensor {
  const [, rows, cols] = matrices.shape as [number, number, number];
  const wide = rows <= cols;
  let x = div(matrices, add(sqrt(sum(square(matrices), [1, 2], true)), 1e-7));
  for (let n = 0; n < iterations; n++) {
    const gram = matmul(x, x, { layout: wide ? "nt" : "tn" });
    const series = add(mul(gram, b), mul(matmul(gram, gram), c));
    x = add(mul(x, a), wide ? matmul(series, x) : matmul(x, series));
  }
  return x;
}
