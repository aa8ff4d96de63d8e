/** The ops of the `kernels` suite in jax-js, whose arrays are used once: `ref` is one more use. */
import { type Array as JaxArray, lax, nn, numpy as np, random } from "@jax-js/jax";
import type { KernelName } from "../suites/kernel_cases.ts";

interface JaxKernel {
  run(...inputs: JaxArray[]): JaxArray[];
  /** Axes of ours that inputs and outputs have in this order; as ours where left out. */
  readonly inputAxes?: readonly (readonly number[] | undefined)[];
  readonly outputAxes?: readonly number[];
}

/** Layer normalization over the last axis. */
export function layerNorm(x: JaxArray, gain: JaxArray, bias: JaxArray): JaxArray {
  const centred = x.ref.sub(np.mean(x, -1, { keepdims: true }));
  const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
  return centred.div(np.sqrt(variance.add(1e-5))).mul(gain).add(bias);
}

/** `[.., count]`: 1 at the ids. `nn.oneHot` takes rows of a `[count, count]` matrix, which is too large. */
export function oneHot(ids: JaxArray, count: number): JaxArray {
  return np.equal(np.arange(count), ids.reshape([...ids.shape, 1])).astype(np.float32);
}

/** Negative log-probabilities of the targets; the gradient of a gather does not compile in Deno. */
export function crossEntropy(logits: JaxArray, targets: JaxArray): JaxArray {
  const classes = logits.shape.at(-1)!;
  return np.sum(nn.logSoftmax(logits, -1).mul(oneHot(targets, classes)), -1).neg();
}

/** One step of an LSTM in PyTorch's layouts: the new h and c. */
export function lstmCell(x: JaxArray, h: JaxArray, c: JaxArray, ...layer: JaxArray[]): [JaxArray, JaxArray] {
  const [weightIh, weightHh, biasIh, biasHh] = layer;
  const fromX = np.matmul(x, np.matrixTranspose(weightIh!)).add(biasIh!);
  const gates = fromX.add(np.matmul(h, np.matrixTranspose(weightHh!)).add(biasHh!));
  const [i, f, g, o] = np.split(gates, 4, 1);
  const next = nn.sigmoid(f!).mul(c).add(nn.sigmoid(i!).mul(np.tanh(g!)));
  return [nn.sigmoid(o!).mul(np.tanh(next.ref)), next];
}

const bthd = [0, 2, 1, 3];

/** By name; AdamW stands in jax.ts. */
export const jaxKernels: Partial<Record<KernelName, JaxKernel>> = {
  matmul_nn: { run: (a, b) => [np.matmul(a!, b!)] },
  matmul_nt: { run: (a, b) => [np.matmul(a!, np.matrixTranspose(b!))] },
  matmul_tn: { run: (a, b) => [np.matmul(np.matrixTranspose(a!), b!)] },
  attention: {
    inputAxes: [bthd, bthd, bthd],
    outputAxes: bthd,
    run: (q, k, v) => [nn.dotProductAttention(q!, k!, v!, { isCausal: true })],
  },
  softmax: { run: (x) => [nn.softmax(x!, -1)] },
  layer_norm: { run: (x, gain, bias) => [layerNorm(x!, gain!, bias!)] },
  lstm_step: { run: (x, h, c, ...layer) => lstmCell(x!, h!, c!, ...layer) },
  conv3x3: { run: (x, weight) => [lax.conv(x!, weight!, [1, 1], "SAME")] },
  add: { run: (a, b) => [a!.add(b!)] },
  cross_entropy: { run: (logits, targets) => [crossEntropy(logits!, targets!)] },
  sample: {
    run: (logits, rows) => {
      rows!.dispose();
      return [random.categorical(random.key(1), logits!)];
    },
  },
  embedding: { run: (table, ids) => [np.take(table!, ids!, 0)] },
};
