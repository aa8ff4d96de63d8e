/** The models of the `steps` suite, as functions of named parameters; peers write the same ones. */
import { ids, uniform } from "../host_data.ts";
import type { Values } from "../peer.ts";
import { attention } from "../../src/ops/attention.ts";
import { conv2d } from "../../src/ops/conv2d.ts";
import { crossEntropy } from "../../src/ops/cross_entropy.ts";
import { add } from "../../src/ops/elementwise_binary.ts";
import { geluTanh } from "../../src/ops/elementwise_unary.ts";
import { embedding } from "../../src/ops/embedding.ts";
import { layerNorm } from "../../src/ops/layer_norm.ts";
import { lstm } from "../../src/ops/lstm.ts";
import { matmul } from "../../src/ops/matmul.ts";
import { maxPool2d } from "../../src/ops/max_pool2d.ts";
import { permute } from "../../src/ops/permute.ts";
import { mean } from "../../src/ops/reduce.ts";
import { reshape } from "../../src/ops/reshape.ts";
import { slice } from "../../src/ops/slice.ts";
import type { HostTensor } from "../../src/tensor/host_tensor.ts";
import type { Shape } from "../../src/tensor/shape.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

/** What peers implement. */
export type StepName = "cnn" | "lstm" | "transformer";

/** Parameters by name. */
export type Parameters<T> = Readonly<Record<string, T>>;

/** A training step: inputs are the model's input and i32 targets. */
export interface StepCase {
  readonly name: StepName;
  readonly title: string;
  readonly parameters: Parameters<HostTensor<Float32Array>>;
  readonly inputs: readonly Values[];
  /** Of the products of forward and backward. */
  readonly flops: number;
  /** `[1]`: the mean cross-entropy. */
  loss(parameters: Parameters<Tensor>, x: Tensor, targets: Tensor): Tensor;
}

/** Uniform in +-sqrt(3 / fan-in): variance 1 / fan-in. A vector is one of biases: 0. */
function drawn(shapes: Parameters<Shape>): Parameters<HostTensor<Float32Array>> {
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape], i) => {
      const fanIn = shape.slice(1).reduce((a, b) => a * b, 1);
      const tensor = uniform(100 + i, shape, Math.sqrt(3 / fanIn));
      if (shape.length === 1) tensor.data.fill(name.endsWith("gain") ? 1 : 0);
      return [name, tensor];
    }),
  );
}

const linear = (p: Parameters<Tensor>, name: string, x: Tensor) =>
  matmul(x, p[`${name}.weight`]!, { layout: "nt", bias: p[`${name}.bias`]! });

/** Two convolutions of 32 and 64 channels with ReLU and 2x2 max pooling, 128 hidden units, ten classes; 28x28 pixels. */
export function cnnCase(batch = 32): StepCase {
  const macs = 784 * 32 * 9 + 196 * 64 * 32 * 9 + 3136 * 128 + 128 * 10;
  return {
    name: "cnn",
    title: `CNN classifier, B${batch} 28x28`,
    parameters: drawn({
      "conv1.weight": [32, 1, 3, 3],
      "conv1.bias": [32],
      "conv2.weight": [64, 32, 3, 3],
      "conv2.bias": [64],
      "fc1.weight": [128, 3136],
      "fc1.bias": [128],
      "fc2.weight": [10, 128],
      "fc2.bias": [10],
    }),
    inputs: [uniform(1, [batch, 1, 28, 28]), ids(2, [batch], 10)],
    flops: 6 * batch * macs - 2 * batch * 784 * 32 * 9, // nobody asks for the gradient of the pixels
    loss: (p, x, targets) => {
      const halved = maxPool2d(conv2d(x, p["conv1.weight"]!, p["conv1.bias"]!, { padding: 1, relu: true }));
      const quartered = maxPool2d(conv2d(halved, p["conv2.weight"]!, p["conv2.bias"]!, { padding: 1, relu: true }));
      const hidden = matmul(reshape(quartered, [batch, 3136]), p["fc1.weight"]!, {
        layout: "nt",
        bias: p["fc1.bias"]!,
        epilogue: "relu",
      });
      return mean(crossEntropy(linear(p, "fc2", hidden), targets));
    },
  };
}

/** Embedding, one LSTM of 128, a softmax over 64 symbols. */
export function lstmCase(batch = 32, steps = 16): StepCase {
  const [vocab, width] = [64, 128];
  return {
    name: "lstm",
    title: `LSTM language model, B${batch} T${steps} C${width}`,
    parameters: drawn({
      "embedding": [vocab, width],
      "lstm.weight_ih": [4 * width, width],
      "lstm.weight_hh": [4 * width, width],
      "lstm.bias_ih": [4 * width],
      "lstm.bias_hh": [4 * width],
      "output.weight": [vocab, width],
      "output.bias": [vocab],
    }),
    inputs: [ids(1, [batch, steps], vocab), ids(2, [batch, steps], vocab)],
    flops: 6 * batch * steps * (8 * width * width + vocab * width),
    loss: (p, x, targets) => {
      const layer = {
        weightIh: p["lstm.weight_ih"]!,
        weightHh: p["lstm.weight_hh"]!,
        biasIh: p["lstm.bias_ih"]!,
        biasHh: p["lstm.bias_hh"]!,
      };
      const { y } = lstm(embedding(p["embedding"]!, x), [layer]);
      return mean(crossEntropy(linear(p, "output", y), targets));
    },
  };
}

/** Sizes of the transformer, which peers read. */
export const transformer = { vocab: 256, width: 128, heads: 4, layers: 2, batch: 4, tokens: 128 } as const;

/** Pre-norm blocks of causal attention and a GELU of four times the width; learned positions. */
export function transformerCase(): StepCase {
  const { vocab, width, heads, layers, batch, tokens } = transformer;
  const shapes: Record<string, Shape> = { "embedding": [vocab, width], "positions": [tokens, width] };
  for (let l = 0; l < layers; l++) {
    Object.assign(shapes, {
      [`${l}.norm1.gain`]: [width],
      [`${l}.norm1.bias`]: [width],
      [`${l}.qkv.weight`]: [3 * width, width],
      [`${l}.qkv.bias`]: [3 * width],
      [`${l}.proj.weight`]: [width, width],
      [`${l}.proj.bias`]: [width],
      [`${l}.norm2.gain`]: [width],
      [`${l}.norm2.bias`]: [width],
      [`${l}.up.weight`]: [4 * width, width],
      [`${l}.up.bias`]: [4 * width],
      [`${l}.down.weight`]: [width, 4 * width],
      [`${l}.down.bias`]: [width],
    });
  }
  Object.assign(shapes, { "head.weight": [vocab, width], "head.bias": [vocab] });
  const rows = batch * tokens, headSize = width / heads;
  const products = layers * (12 * width * width + tokens * width) + vocab * width;
  return {
    name: "transformer",
    title: `transformer, B${batch} T${tokens} C${width} L${layers}`,
    parameters: drawn(shapes),
    inputs: [ids(1, [batch, tokens], vocab), ids(2, [batch, tokens], vocab)],
    flops: 6 * rows * products,
    loss: (p, ids, targets) => {
      let x = reshape(add(embedding(p["embedding"]!, ids), p["positions"]!), [rows, width]);
      const norm = (name: string) => layerNorm(x, p[`${name}.gain`]!, p[`${name}.bias`]!);
      for (let l = 0; l < layers; l++) {
        const qkv = linear(p, `${l}.qkv`, norm(`${l}.norm1`));
        const headsOf = (part: number) =>
          permute(reshape(slice(qkv, 1, part * width, (part + 1) * width), [batch, tokens, heads, headSize]), [
            0,
            2,
            1,
            3,
          ]);
        const seen = attention(headsOf(0), headsOf(1), headsOf(2), { visibility: "causal" });
        x = add(x, linear(p, `${l}.proj`, reshape(permute(seen, [0, 2, 1, 3]), [rows, width])));
        x = add(x, linear(p, `${l}.down`, geluTanh(linear(p, `${l}.up`, norm(`${l}.norm2`)))));
      }
      return mean(crossEntropy(linear(p, "head", x), reshape(targets, [rows])));
    },
  };
}
