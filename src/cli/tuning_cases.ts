import { adapterClass, type HeavyOp } from "../gpu/kernel_table.ts";
import { Arpg } from "../models/arpg.ts";
import { DecodeGrids } from "../models/decode_grids.ts";
import { FrozenArpg } from "../models/frozen_arpg.ts";
import { PackedProducts } from "../models/packed_products.ts";
import { Initializer } from "../nn/init.ts";
import { attention } from "../ops/attention.ts";
import { conv2d } from "../ops/conv2d.ts";
import { square } from "../ops/elementwise_unary.ts";
import type { Layout } from "../ops/matmul_product.ts";
import { matmul } from "../ops/matmul.ts";
import { randomNormal } from "../ops/random.ts";
import { mean } from "../ops/reduce.ts";
import { rmsNorm } from "../ops/rms_norm.ts";
import { softmax } from "../ops/softmax.ts";
import type { Device } from "../tensor/device.ts";
import { type Shape, showShape } from "../tensor/shape.ts";
import { gradients } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A piece of work to time: `prepare` makes its operands, in the scope of the caller, and returns the work itself. */
export interface TuningCase {
  readonly op: HeavyOp;
  readonly name: string;
  /** The same values on every device; what the work returns is compared among families. */
  prepare(device: Device): (() => readonly Tensor[]) | Promise<() => readonly Tensor[]>;
}

/** What is measured on an adapter: sizes of training and decoding, smaller ones on a CPU. */
export function tuningCases(adapter: Parameters<typeof adapterClass>[0]): TuningCase[] {
  return adapterClass(adapter) === "cpu"
    ? [
      product("nn", 256, 256, 256),
      product("nt", 16, 512, 256),
      product("tn", 128, 128, 2048),
      logits(64, 256, 1024),
      ...[[2048, 64], [32, 4096]].flatMap((shape) => [normalised(shape), probabilities(shape)]),
      attended([1, 4, 128, 32], true),
      attended([2, 4, 128, 32], false),
      convolved([2, 32, 16, 16], [32, 32, 3, 3]),
    ]
    : [
      product("nn", 1024, 1024, 1024),
      product("nt", 64, 4096, 1024),
      product("tn", 512, 512, 8192),
      logits(256, 1024, 8192),
      ...[[16384, 256], [256, 16384]].flatMap((shape) => [normalised(shape), probabilities(shape)]),
      attended([4, 16, 512, 64], true),
      attended([4, 16, 512, 64], false),
      convolved([8, 128, 32, 32], [128, 128, 3, 3]),
    ];
}

function numbers(device: Device, shape: Shape, purpose: number): Tensor {
  return randomNormal(device, shape, { seed: 1, stream: 0, step: 0, purpose });
}

function product(layout: Layout, m: number, n: number, k: number): TuningCase {
  return {
    op: "matmul",
    name: `${layout} ${m} x ${n} x ${k}`,
    prepare(device) {
      const a = numbers(device, layout === "tn" ? [k, m] : [m, k], 1);
      const w = numbers(device, layout === "nt" ? [n, k] : [k, n], 2);
      return () => [matmul(a, w, { layout })];
    },
  };
}

/** The product with the head of a frozen model, for rows whose number only the device knows. */
function logits(rows: number, dim: number, vocab: number): TuningCase {
  return {
    op: "packedMatmul",
    name: `${rows} x ${vocab} x ${dim}`,
    async prepare(device) {
      const sizes = { dim, layers: 2, heads: 8, multiple_of: 64, vocab, classes: 2, cells: 16 } as const;
      const model = new Arpg(new Initializer(device, 1), { ...sizes, position: "none" });
      const frozen = await FrozenArpg.of(model);
      const grids = new DecodeGrids(device, false);
      grids.counts.write(new Uint32Array(grids.counts.size).fill(rows));
      const products = new PackedProducts(frozen, grids, (tensor) => tensor);
      const a = device.texture(numbers(device, [rows, dim], 1));
      return () => [products.logits("queries", rows, a)];
    },
  };
}

function normalised(shape: Shape): TuningCase {
  return {
    op: "rows",
    name: `RMS norm ${showShape(shape)}`,
    prepare(device) {
      const x = numbers(device, shape, 1), gain = numbers(device, shape.slice(1), 2);
      return () => [rmsNorm(x, gain)];
    },
  };
}

function probabilities(shape: Shape): TuningCase {
  return {
    op: "rows",
    name: `softmax ${showShape(shape)}`,
    prepare(device) {
      const x = numbers(device, shape, 1);
      return () => [softmax(x)];
    },
  };
}

function attended(shape: Shape, training: boolean): TuningCase {
  return {
    op: "attention",
    name: `${training ? "training" : "forward"} ${showShape(shape)}`,
    prepare(device) {
      const inputs = [1, 2, 3].map((purpose) => numbers(device, shape, purpose)) as [Tensor, Tensor, Tensor];
      return work(inputs, training, () => attention(...inputs, { visibility: "causal" }));
    },
  };
}

function convolved(image: Shape, weight: Shape): TuningCase {
  return {
    op: "conv2d",
    name: `training ${showShape(image)} by ${showShape(weight)}`,
    prepare(device) {
      const inputs = [numbers(device, image, 1), numbers(device, weight, 2)] as const;
      return work(inputs, true, () => conv2d(...inputs, null, { padding: 1 }));
    },
  };
}

/** Forward alone, or with the gradients of all inputs. */
function work(inputs: readonly Tensor[], training: boolean, forward: () => Tensor): () => readonly Tensor[] {
  if (!training) return () => [forward()];
  for (const tensor of inputs) tensor.requiresGrad = true;
  return () => {
    const out = forward();
    return [out, ...gradients(mean(square(out)), inputs)];
  };
}
