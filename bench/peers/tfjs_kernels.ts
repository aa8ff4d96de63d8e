/** The ops of the `kernels` suite in TensorFlow.js. */
import * as tf from "@tensorflow/tfjs";
import type { KernelName } from "../suites/kernel_cases.ts";

interface TfjsKernel {
  run(...inputs: tf.Tensor[]): tf.Tensor[];
  /** Axes of ours that inputs and outputs have in this order; as ours where left out. */
  readonly inputAxes?: readonly (readonly number[] | undefined)[];
  readonly outputAxes?: readonly number[];
}

/** Causal attention over `[.., T, D]`. */
export function causalAttention(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor): tf.Tensor {
  const [t, d] = q.shape.slice(-2) as [number, number];
  const hidden = tf.mul(tf.sub(1, tf.linalg.bandPart(tf.ones([t, t]), -1, 0)), -1e9);
  const scores = tf.add(tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(d)), hidden);
  return tf.matMul(tf.softmax(scores), v);
}

/** Layer normalization over the last axis. */
export function layerNorm(x: tf.Tensor, gain: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  const { mean, variance } = tf.moments(x, -1, true);
  return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5))), gain), bias);
}

/** Negative log-probabilities of the targets. */
export function crossEntropy(logits: tf.Tensor, targets: tf.Tensor): tf.Tensor {
  const taken = tf.sum(tf.mul(tf.oneHot(targets as tf.Tensor1D, logits.shape.at(-1)!), logits), -1);
  return tf.sub(tf.logSumExp(logits, -1), taken);
}

/** One step of an LSTM in PyTorch's layouts: the new h and c. */
export function lstmCell(x: tf.Tensor, h: tf.Tensor, c: tf.Tensor, ...layer: tf.Tensor[]): [tf.Tensor, tf.Tensor] {
  const [weightIh, weightHh, biasIh, biasHh] = layer;
  const fromX = tf.add(tf.matMul(x, weightIh!, false, true), biasIh!);
  const gates = tf.add(fromX, tf.add(tf.matMul(h, weightHh!, false, true), biasHh!));
  const [i, f, g, o] = tf.split(gates, 4, 1);
  const next = tf.add(tf.mul(tf.sigmoid(f!), c), tf.mul(tf.sigmoid(i!), tf.tanh(g!)));
  return [tf.mul(tf.sigmoid(o!), tf.tanh(next)), next];
}

/** By name; AdamW stands in tfjs.ts. */
export const tfjsKernels: Partial<Record<KernelName, TfjsKernel>> = {
  matmul_nn: { run: (a, b) => [tf.matMul(a!, b!)] },
  matmul_nt: { run: (a, b) => [tf.matMul(a!, b!, false, true)] },
  matmul_tn: { run: (a, b) => [tf.matMul(a!, b!, true, false)] },
  attention: { run: (q, k, v) => [causalAttention(q!, k!, v!)] },
  softmax: { run: (x) => [tf.softmax(x!)] },
  layer_norm: { run: (x, gain, bias) => [layerNorm(x!, gain!, bias!)] },
  lstm_step: { run: (x, h, c, ...layer) => lstmCell(x!, h!, c!, ...layer) },
  conv3x3: {
    inputAxes: [[0, 2, 3, 1], [2, 3, 1, 0]],
    outputAxes: [0, 2, 3, 1],
    run: (x, weight) => [tf.conv2d(x as tf.Tensor4D, weight as tf.Tensor4D, 1, "same")],
  },
  add: { run: (a, b) => [tf.add(a!, b!)] },
  cross_entropy: { run: (logits, targets) => [crossEntropy(logits!, targets!)] },
  sample: { run: (logits) => [tf.multinomial(logits as tf.Tensor2D, 1)] },
  embedding: { run: (table, ids) => [tf.gather(table!, ids!)] },
};
