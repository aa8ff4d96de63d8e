/** A CLIP in float64 loops, as the paper and HuggingFace's `CLIPModel` have it, and its loss. */
import type { ClipConfig, ClipTowerConfig } from "../../src/models/clip_config.ts";
import { erf } from "../support/erf.ts";

type Row = ArrayLike<number>;
type Weights = ReadonlyMap<string, Float64Array>;

const activations = {
  quick_gelu: (x: number) => x / (1 + Math.exp(-1.702 * x)),
  gelu: (x: number) => x * (1 + erf(x / Math.SQRT2)) / 2,
};
const dot = (a: Row, b: Row) => Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);
const plus = (a: Row, b: Row) => Array.from(a, (value, i) => value + b[i]!);

/** Reads weights by their names below a prefix. */
class Reader {
  constructor(private readonly weights: Weights, private readonly prefix = "") {}

  at(name: string): Float64Array {
    return this.weights.get(this.prefix + name)!;
  }

  below(name: string): Reader {
    return new Reader(this.weights, `${this.prefix}${name}.`);
  }

  /** Row `n` of a table of rows of `width`. */
  row(name: string, n: number, width: number): Float64Array {
    return this.at(name).subarray(n * width, (n + 1) * width);
  }

  linear(x: Row, biased = true): number[] {
    const weight = this.at("weight"), outputs = weight.length / x.length;
    const products = Array.from({ length: outputs }, (_, out) => dot(x, this.row("weight", out, x.length)));
    return biased ? plus(products, this.at("bias")) : products;
  }

  norm(x: Row, eps: number): number[] {
    const mean = dot(x, Array(x.length).fill(1)) / x.length;
    const centred = Array.from(x, (value) => value - mean),
      deviation = Math.sqrt(dot(centred, centred) / x.length + eps);
    return centred.map((value, i) => value / deviation * this.at("weight")[i]! + this.at("bias")[i]!);
  }
}

function layer(read: Reader, rows: number[][], config: ClipTowerConfig, causal: boolean): number[][] {
  const { num_attention_heads: heads, hidden_size, layer_norm_eps: eps, hidden_act } = config;
  const d = hidden_size / heads, attention = read.below("self_attn");
  const normed = rows.map((row) => read.below("layer_norm1").norm(row, eps));
  const [q, k, v] = ["q", "k", "v"].map((name) => normed.map((row) => attention.below(`${name}_proj`).linear(row)));
  return rows.map((row, t) => {
    const seen = Array.from({ length: heads }, (_, head) => {
      const part = (of: number[]) => of.slice(head * d, (head + 1) * d);
      const keys = causal ? k!.slice(0, t + 1) : k!;
      const scores = keys.map((key) => Math.exp(dot(part(q![t]!), part(key)) / Math.sqrt(d)));
      const total = scores.reduce((a, b) => a + b);
      return part(v![0]!).map((_, c) => scores.reduce((sum, score, s) => sum + score * part(v![s]!)[c]!, 0) / total);
    }).flat();
    const h = plus(row, attention.below("out_proj").linear(seen));
    const inner = read.below("mlp.fc1").linear(read.below("layer_norm2").norm(h, eps)).map(activations[hidden_act]);
    return plus(h, read.below("mlp.fc2").linear(inner));
  });
}

function encode(read: Reader, rows: number[][], config: ClipTowerConfig, causal: boolean): number[][] {
  for (let l = 0; l < config.num_hidden_layers; l++) {
    rows = layer(read.below(`encoder.layers.${l}`), rows, config, causal);
  }
  return rows;
}

/** An image `[channels, S, S]` to its embedding. */
export function imageReference(weights: Weights, { vision_config: config }: ClipConfig, pixels: Row): number[] {
  const read = new Reader(weights, "vision_model."), embeddings = read.below("embeddings");
  const { hidden_size: width, patch_size: patch, image_size: side, num_channels: channels, layer_norm_eps: eps } =
    config;
  const grid = Math.floor(side / patch), terms = channels * patch * patch;
  const patches = Array.from({ length: grid * grid }, (_, cell) => {
    const top = Math.floor(cell / grid) * patch, left = cell % grid * patch;
    const values = Array.from({ length: terms }, (_, i) => {
      const c = Math.floor(i / patch ** 2), y = top + Math.floor(i / patch) % patch, x = left + i % patch;
      return pixels[(c * side + y) * side + x]!;
    });
    return Array.from({ length: width }, (_, out) => dot(values, embeddings.row("patch_embedding.weight", out, terms)));
  });
  const rows = [Array.from(embeddings.at("class_embedding")), ...patches]
    .map((row, n) => plus(row, embeddings.row("position_embedding.weight", n, width)))
    .map((row) => read.below("pre_layrnorm").norm(row, eps));
  const [whole] = encode(read, rows, config, false);
  return new Reader(weights, "visual_projection.").linear(read.below("post_layernorm").norm(whole!, eps), false);
}

/** The ids of a text to its embedding. */
export function textReference(weights: Weights, { text_config: config }: ClipConfig, ids: readonly number[]): number[] {
  const read = new Reader(weights, "text_model."), embeddings = read.below("embeddings");
  const { hidden_size: width, eos_token_id, layer_norm_eps: eps } = config;
  const rows = ids.map((id, n) =>
    plus(embeddings.row("token_embedding.weight", id, width), embeddings.row("position_embedding.weight", n, width))
  );
  const end = ids.indexOf(eos_token_id === 2 ? Math.max(...ids) : eos_token_id);
  const state = encode(read, rows, config, true).map((row) => read.below("final_layer_norm").norm(row, eps))[end]!;
  return new Reader(weights, "text_projection.").linear(state, false);
}

/** The contrastive loss of one group, by the formula of the paper. */
export function lossReference(images: readonly Row[], texts: readonly Row[], logitScale: number): number {
  const scale = Math.min(Math.exp(logitScale), 100);
  const logits = images.map((image) =>
    texts.map((text) => scale * dot(image, text) / Math.sqrt(dot(image, image) * dot(text, text)))
  );
  const crossEntropy = (row: readonly number[], own: number) =>
    Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0)) - row[own]!;
  const both = logits.map((row, i) => crossEntropy(row, i) + crossEntropy(logits.map((other) => other[i]!), i));
  return both.reduce((a, b) => a + b) / (2 * images.length);
}
