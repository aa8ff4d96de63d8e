import { lstm, type LstmLayer, type LstmState } from "../ops/lstm.ts";
import { hasTiles } from "../ops/matmul_product.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Initializer } from "./init.ts";
import type { Module } from "./module.ts";

/** A multi-layer LSTM under PyTorch's names: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, ... */
export class Lstm implements Module {
  /** Weights and biases, the layer next to the input first. */
  readonly layers: readonly LstmLayer[];

  /** First values uniform within `1 / sqrt(hidden)`, PyTorch's default. */
  constructor(init: Initializer, inputs: number, hidden: number, layers: number) {
    const bound = 1 / Math.sqrt(hidden);
    this.layers = Array.from({ length: layers }, (_, l) => ({
      weightIh: init.uniform([4 * hidden, l === 0 ? inputs : hidden], bound),
      weightHh: init.uniform([4 * hidden, hidden], bound),
      biasIh: init.uniform([4 * hidden], bound),
      biasHh: init.uniform([4 * hidden], bound),
    }));
  }

  /** `[B, T, inputs] -> [B, T, hidden]`, see the op `lstm`. */
  forward(x: Tensor, state?: LstmState, layers = this.layers): { y: Tensor; state: LstmState } {
    return lstm(x, layers, state);
  }

  /** The layers for many calls without gradient: weights placed once where the kernels read them fastest. */
  frozenLayers(): LstmLayer[] {
    return this.layers.map((layer) => {
      const { device } = layer.weightIh;
      const sizes = [...layer.weightIh.shape, ...layer.weightHh.shape];
      if (!hasTiles(device, sizes)) return layer;
      return {
        ...layer,
        weightIh: device.texture(layer.weightIh),
        weightHh: device.texture(layer.weightHh),
      };
    });
  }

  parameters(): Map<string, Tensor> {
    return new Map(this.layers.flatMap(({ weightIh, weightHh, biasIh, biasHh }, l) => [
      [`weight_ih_l${l}`, weightIh],
      [`weight_hh_l${l}`, weightHh],
      [`bias_ih_l${l}`, biasIh],
      [`bias_hh_l${l}`, biasHh],
    ]));
  }
}
