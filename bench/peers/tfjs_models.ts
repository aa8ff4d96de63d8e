/** The models of the `steps` suite in TensorFlow.js. */
import * as tf from "@tensorflow/tfjs";
import { type StepName, transformer } from "../suites/step_cases.ts";
import type { Shape } from "../../src/tensor/shape.ts";
import { causalAttention, crossEntropy, layerNorm, lstmCell } from "./tfjs_kernels.ts";

type Parameters = Readonly<Record<string, tf.Tensor>>;

type Model = (p: Parameters, x: tf.Tensor, targets: tf.Tensor) => tf.Scalar;

/**
 * Axes of ours in the order of the library's own layers: filters `[height, width, in, out]`, weights `[in, out]`. Given
 * weights `[out, in]`, its product of few rows and more than 2,000 columns is wrong.
 */
export function tfjsAxes(name: string, shape: Shape): readonly number[] | null {
  if (!name.endsWith(".weight")) return null;
  return shape.length === 4 ? [2, 3, 1, 0] : [1, 0];
}

const linear = (p: Parameters, name: string, x: tf.Tensor) =>
  tf.add(tf.matMul(x, p[`${name}.weight`]!), p[`${name}.bias`]!);

const meanCrossEntropy = (logits: tf.Tensor, targets: tf.Tensor) =>
  tf.mean(crossEntropy(logits, tf.reshape(targets, [-1]))) as tf.Scalar;

/** TensorFlow.js convolves with channels last; only the input of the linear layer goes back to channels first. */
const cnn: Model = (p, x, targets) => {
  const block = (image: tf.Tensor, name: string) => {
    const y = tf.conv2d(image as tf.Tensor4D, p[`${name}.weight`] as tf.Tensor4D, 1, "same");
    return tf.maxPool(tf.relu(tf.add(y, p[`${name}.bias`]!)) as tf.Tensor4D, 2, 2, "valid");
  };
  const images = tf.reshape(x, [x.shape[0]!, 28, 28, 1]); // one channel: the same order
  const features = tf.transpose(block(block(images, "conv1"), "conv2"), [0, 3, 1, 2]);
  const hidden = tf.relu(linear(p, "fc1", tf.reshape(features, [x.shape[0]!, -1])));
  return meanCrossEntropy(linear(p, "fc2", hidden), targets);
};

const lstm: Model = (p, x, targets) => {
  const [batch, steps] = x.shape as [number, number];
  const width = p["embedding"]!.shape[1]!;
  const embedded = tf.unstack(tf.gather(p["embedding"]!, x as tf.Tensor2D), 1);
  let h: tf.Tensor = tf.zeros([batch, width]), c = h;
  const outputs: tf.Tensor[] = [];
  for (let t = 0; t < steps; t++) {
    const layer = [p["lstm.weight_ih"]!, p["lstm.weight_hh"]!, p["lstm.bias_ih"]!, p["lstm.bias_hh"]!];
    [h, c] = lstmCell(embedded[t]!, h, c, ...layer);
    outputs.push(h);
  }
  return meanCrossEntropy(linear(p, "output", tf.reshape(tf.stack(outputs, 1), [-1, width])), targets);
};

const gelu = (x: tf.Tensor) => {
  const inner = tf.mul(tf.add(x, tf.mul(tf.mul(tf.square(x), x), 0.044715)), Math.sqrt(2 / Math.PI));
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1));
};

const transformerModel: Model = (p, ids, targets) => {
  const { width, heads, layers, batch, tokens } = transformer;
  let x = tf.reshape(tf.add(tf.gather(p["embedding"]!, ids as tf.Tensor2D), p["positions"]!), [-1, width]);
  const norm = (name: string) => layerNorm(x, p[`${name}.gain`]!, p[`${name}.bias`]!);
  const headsOf = (part: tf.Tensor) =>
    tf.transpose(tf.reshape(part, [batch, tokens, heads, width / heads]), [0, 2, 1, 3]);
  for (let l = 0; l < layers; l++) {
    const [q, k, v] = tf.split(linear(p, `${l}.qkv`, norm(`${l}.norm1`)), 3, 1).map(headsOf);
    const seen = tf.reshape(tf.transpose(causalAttention(q!, k!, v!), [0, 2, 1, 3]), [-1, width]);
    x = tf.add(x, linear(p, `${l}.proj`, seen));
    x = tf.add(x, linear(p, `${l}.down`, gelu(linear(p, `${l}.up`, norm(`${l}.norm2`)))));
  }
  return meanCrossEntropy(linear(p, "head", x), targets);
};

/** By name. */
export const tfjsModels: Readonly<Record<StepName, Model>> = { cnn, lstm, transformer: transformerModel };
