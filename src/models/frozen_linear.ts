import shader from "../../shaders/widen_weights.wgsl" with { type: "text" };
import { BlankInitializer } from "../nn/init.ts";
import type { Module } from "../nn/module.ts";
import { product } from "../ops/matmul_product.ts";
import { type Device, foldGrid } from "../tensor/device.ts";
import { requireShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type PackedWeight, packWeights } from "./frozen_weights.ts";

const source = { name: "widen_weights", text: shader };

/** From here on a number rounds to the infinity of float16. */
const beyondFloat16 = 65520;

/**
 * `y = x weight^T + bias` without gradients, its weight float16 in a texture and its sums float32: half the memory of
 * `Linear`. A weight with numbers beyond float16 stays float32.
 *
 * Where products read textures the weight is read as it lies, which saves the copy that a buffer's takes: on llvmpipe,
 * against `Linear`, 28 % less time for 257 rows of 1024 to 4096 and 7 % less for 650 rows of 768 to 3072. Elsewhere it is
 * widened into a buffer for every product, which is not measured on a GPU.
 */
export class FrozenLinear implements Module {
  /** `[out]`. */
  readonly bias: Tensor;
  #weight: PackedWeight | null = null;

  /** Sizes divisible by 4; the weight is still to be loaded. */
  constructor(private readonly device: Device, private readonly inputs: number, private readonly outputs: number) {
    this.bias = new BlankInitializer(device).uniform([outputs]);
  }

  /** Takes the weight, row-major `[out, in]`, outside every scope. */
  load(data: Float32Array): void {
    const dtype = data.some((value) => Math.abs(value) >= beyondFloat16) ? "float32" : "float16";
    this.#weight?.texture.dispose();
    this.#weight = packWeights(this.device, [{ data, out: this.outputs, in: this.inputs }], dtype);
  }

  /** `[.., in] -> [.., out]`, outside the tape. @throws {RangeError} for another last size. */
  forward(x: Tensor): Tensor {
    const { device, inputs: k, outputs: n } = this, lead = x.shape.slice(0, -1);
    requireShape("a frozen linear layer", "x", x.shape, [...lead, k]);
    const y = device.empty([...lead, n], "f32", "linear");
    using _scope = device.scope(); // frees the copies that the product makes
    const { texture } = this.#weight!;
    const weight = device.gpu.table.matmul === "lane" ? texture : widened(texture);
    product(device, { layout: "nn", batch: 1, m: x.size / k, n, k, sharedW: true }, x, weight, y, this.bias);
    return y;
  }

  /** `bias`, the only part that is a tensor of float32. */
  parameters(): Map<string, Tensor> {
    return new Map([["bias", this.bias]]);
  }

  /** Gives the memory back. */
  dispose(): void {
    this.bias.dispose();
    this.#weight?.texture.dispose();
  }
}

function widened(texture: Tensor): Tensor {
  const { device } = texture, n = texture.size / 4;
  const buffer = device.empty(texture.shape, "f32", "widened weights");
  device.launch(source, "forward", {
    read: [texture],
    write: [buffer],
    params: { n },
    grid: foldGrid(Math.ceil(n / 64)),
    cost: { bytes: 24 * n },
  });
  return buffer;
}
