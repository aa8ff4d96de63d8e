/** The ops of the `kernels` suite: shapes, values, cost, and how Stipple computes them. */
import { adamw } from "./adamw_settings.ts";
import { ids, uniform } from "../host_data.ts";
import type { Values } from "../peer.ts";
import { attention } from "../../src/ops/attention.ts";
import { conv2d } from "../../src/ops/conv2d.ts";
import { crossEntropy } from "../../src/ops/cross_entropy.ts";
import { add } from "../../src/ops/elementwise_binary.ts";
import { embedding } from "../../src/ops/embedding.ts";
import { layerNorm } from "../../src/ops/layer_norm.ts";
import { lstm } from "../../src/ops/lstm.ts";
import { matmul } from "../../src/ops/matmul.ts";
import type { Layout } from "../../src/ops/matmul_product.ts";
import { reshape } from "../../src/ops/reshape.ts";
import { sampleCategorical } from "../../src/ops/sample_categorical.ts";
import { softmax } from "../../src/ops/softmax.ts";
import { AdamW } from "../../src/optim/adamw.ts";
import type { Cost } from "../../src/gpu/command_list.ts";
import { sizeOf } from "../../src/tensor/shape.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

/** What peers implement. */
export type KernelName =
  | "matmul_nn"
  | "matmul_nt"
  | "matmul_tn"
  | "attention"
  | "softmax"
  | "layer_norm"
  | "lstm_step"
  | "conv3x3"
  | "add"
  | "cross_entropy"
  | "sample"
  | "embedding"
  | "adamw";

/** A row of the suite. */
export interface KernelCase {
  readonly name: KernelName;
  /** What the table calls it. */
  readonly title: string;
  readonly inputs: readonly Values[];
  /** Forward alone, or also the gradients by all inputs of floating point. */
  readonly backward: boolean;
  /** Least work: what an implementation cannot do without. */
  readonly cost: Cost;
  /** How many times faster than the faster of tfjs and jax-js we want to be. */
  readonly wanted: number;
  /** Far too slow for a software adapter. */
  readonly gpuOnly?: boolean;
  ours(...inputs: Tensor[]): Prepared;
}

/** An op with its inputs at hand. */
export interface Prepared {
  /** Records it once; its outputs. */
  record(): readonly Tensor[];
  /** Called before every run. */
  before?(): void;
}

const pure = (op: (...inputs: Tensor[]) => readonly Tensor[]) => (...inputs: Tensor[]): Prepared => ({
  record: () => op(...inputs),
});

const bytesOf = (...values: readonly Values[]) => values.reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0);

function matmulCase(layout: Layout, n: number): KernelCase {
  const inputs = [uniform(1, [n, n]), uniform(2, [n, n])];
  return {
    name: `matmul_${layout}`,
    title: `matmul ${layout.toUpperCase()} ${n}`,
    inputs,
    backward: false,
    cost: { flops: 2 * n ** 3, bytes: 1.5 * bytesOf(...inputs) },
    wanted: 7,
    gpuOnly: n > 1024,
    ours: pure((a, w) => [matmul(a!, w!, { layout })]),
  };
}

/** Causal: half of the scores are looked at. The backward recomputes the scores and has four more products. */
function attentionCase(backward: boolean): KernelCase {
  const [b, h, t, d] = [2, 8, 256, 32];
  const inputs = [uniform(1, [b, h, t, d]), uniform(2, [b, h, t, d]), uniform(3, [b, h, t, d])];
  const flops = 2 * b * h * t * t * d;
  return {
    name: "attention",
    title: `attention, causal, B${b} H${h} T${t} D${d}`,
    inputs,
    backward,
    cost: { flops: backward ? 3.5 * flops : flops, bytes: (backward ? 3 : 4 / 3) * bytesOf(...inputs) },
    wanted: backward ? 12 : 20,
    ours: pure((q, k, v) => [attention(q!, k!, v!, { visibility: "causal" })]),
  };
}

function rowCases([rows, cols]: [number, number]): KernelCase[] {
  const x = uniform(1, [rows, cols], 3), size = `${rows}x${cols}`;
  const common = { backward: false, cost: { bytes: 2 * bytesOf(x) }, wanted: 5 };
  return [
    { ...common, name: "softmax", title: `softmax ${size}`, inputs: [x], ours: pure((x) => [softmax(x!)]) },
    {
      ...common,
      name: "layer_norm",
      title: `layer norm ${size}`,
      inputs: [x, uniform(2, [cols]), uniform(3, [cols])],
      ours: pure((x, gain, bias) => [layerNorm(x!, gain!, bias!)]),
    },
  ];
}

/** PyTorch's layouts: x, h, c, `[4H, I]`, `[4H, H]` and two biases; gates i, f, g, o. Results: h, c. */
function lstmCase(backward: boolean): KernelCase {
  const [b, i, h] = [64, 128, 128];
  const weights = [uniform(4, [4 * h, i], 0.3), uniform(5, [4 * h, h], 0.3), uniform(6, [4 * h]), uniform(7, [4 * h])];
  const inputs = [uniform(1, [b, i]), uniform(2, [b, h]), uniform(3, [b, h]), ...weights];
  return {
    name: "lstm_step",
    title: `LSTM step B${b} ${h}`,
    inputs,
    backward,
    cost: { flops: (backward ? 3 : 1) * 2 * b * 4 * h * (i + h), bytes: (backward ? 3 : 1) * bytesOf(...inputs) },
    wanted: 8,
    ours: pure((x, h0, c0, weightIh, weightHh, biasIh, biasHh) => {
      const layer = { weightIh: weightIh!, weightHh: weightHh!, biasIh: biasIh!, biasHh: biasHh! };
      const { state } = lstm(reshape(x!, [b, 1, i]), [layer], { h: [h0!], c: [c0!] });
      return [state.h[0]!, state.c[0]!];
    }),
  };
}

function convCase(backward: boolean): KernelCase {
  const [b, c, s] = [16, 32, 32];
  const inputs = [uniform(1, [b, c, s, s]), uniform(2, [c, c, 3, 3])];
  const times = backward ? 3 : 1;
  return {
    name: "conv3x3",
    title: `conv3x3 ${b}x${c}x${s}x${s}`,
    inputs,
    backward,
    cost: { flops: times * 2 * 9 * b * s * s * c * c, bytes: times * 2 * bytesOf(inputs[0]!) },
    wanted: backward ? 5 : 6,
    ours: pure((x, weight) => [conv2d(x!, weight!, null, { padding: 1 })]),
  };
}

function crossEntropyCase(backward: boolean): KernelCase {
  const inputs = [uniform(1, [256, 16384], 3), ids(2, [256], 16384)];
  return {
    name: "cross_entropy",
    title: "cross-entropy 256x16384",
    inputs,
    backward,
    cost: { bytes: (backward ? 3 : 1) * bytesOf(inputs[0]!) },
    wanted: 2,
    ours: pure((logits, targets) => [crossEntropy(logits!, targets!)]),
  };
}

/** One class of a row has all but 1e-12 of the probability, so that every right sampler draws it. */
function sampleCase(): KernelCase {
  const logits = uniform(1, [64, 16384]), likely = ids(2, [64], 16384);
  likely.data.forEach((id, row) => logits.data[row * 16384 + id]! += 40);
  const rows = { shape: [64], data: Int32Array.from({ length: 64 }, (_, row) => row) };
  const key = { seed: 1, stream: 0, step: 0, purpose: 0 };
  return {
    name: "sample",
    title: "sampling 64x16384",
    inputs: [logits, rows],
    backward: false,
    cost: { bytes: bytesOf(logits) },
    wanted: 2,
    ours: pure((logits, rowKeys) => [sampleCategorical(logits!, rowKeys!, { temperature: 1, key })]),
  };
}

/** All rows of the suite. */
export function kernelCases(): KernelCase[] {
  const million = [uniform(1, [2 ** 20]), uniform(2, [2 ** 20])];
  const layouts = ["nn", "nt", "tn"] as const;
  return [
    ...[256, 512, 1024, 4096].flatMap((n) => layouts.map((layout) => matmulCase(layout, n))),
    attentionCase(false),
    attentionCase(true),
    ...rowCases([4096, 64]),
    ...rowCases([1024, 1024]),
    lstmCase(false),
    lstmCase(true),
    convCase(false),
    convCase(true),
    {
      name: "add",
      title: "add 1M",
      inputs: million,
      backward: false,
      cost: { flops: 2 ** 20, bytes: 1.5 * bytesOf(...million) },
      wanted: 3,
      ours: pure((a, b) => [add(a!, b!)]),
    },
    crossEntropyCase(false),
    crossEntropyCase(true),
    sampleCase(),
    {
      name: "embedding",
      title: "embedding 16384x256, 4096 ids",
      inputs: [uniform(1, [16384, 256]), ids(2, [4096], 16384)],
      backward: false,
      cost: { bytes: 2 * 4096 * 256 * 4 },
      wanted: 2,
      ours: pure((table, ids) => [embedding(table!, ids!)]),
    },
    {
      name: "adamw",
      title: "AdamW 1M parameters",
      inputs: million,
      backward: false,
      cost: { bytes: 3.5 * bytesOf(...million) },
      wanted: 2,
      ours: (parameter, gradient) => {
        const { learningRate, beta1, beta2, eps, weightDecay } = adamw;
        const optimizer = new AdamW(parameter!.device, [parameter!], { betas: [beta1, beta2], eps, weightDecay });
        optimizer.learningRate.value = learningRate;
        return {
          before: () => optimizer.advance(),
          record: () => {
            optimizer.step([gradient!]);
            return [parameter!];
          },
        };
      },
    },
  ];
}
