import type { Initializer } from "../nn/init.ts";
import { LayerNorm } from "../nn/layer_norm.ts";
import { Linear } from "../nn/linear.ts";
import { type Module, nestParameters } from "../nn/module.ts";
import { attention } from "../ops/attention.ts";
import { add } from "../ops/elementwise_binary.ts";
import { gelu, quickGelu } from "../ops/elementwise_unary.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ClipTowerConfig } from "./clip_config.ts";
import { joinHeads, splitHeads } from "./heads.ts";

/** Which tokens a token sees: all of an image's patches, or those before it in a text. */
export type ClipVisibility = "none" | "causal";

/** A linear layer of a CLIP: trainable, or frozen. */
export interface ClipLinear extends Module {
  /** `[.., in] -> [.., out]`. */
  forward(x: Tensor): Tensor;
}

/** Makes the linear layers of a CLIP; `gain` is that of `Linear`. */
export type ClipLinearMaker = (init: Initializer, inputs: number, outputs: number, gain: number) => ClipLinear;

/** Makes what trains: layers of float32. */
export const trainableLinear: ClipLinearMaker = (init, inputs, outputs, gain) =>
  new Linear(init, inputs, outputs, gain);

/** A transformer layer of a CLIP: `h = x + attention(norm1 x)`, then `h + fc2 act(fc1 norm2 h)`. */
export class ClipLayer implements Module {
  /** Queries, keys, values and the way back, C to C. */
  readonly self_attn: Readonly<Record<"q_proj" | "k_proj" | "v_proj" | "out_proj", ClipLinear>>;
  /** Before the attention. */
  readonly layer_norm1: LayerNorm;
  /** C to the inner width and back. */
  readonly mlp: Readonly<Record<"fc1" | "fc2", ClipLinear>>;
  /** Before the feed-forward. */
  readonly layer_norm2: LayerNorm;

  /**
   * Draws the first values. The deviations are those of OpenAI's CLIP: `C^-1/2` for queries, keys and values,
   * `(2 C)^-1/2` into the feed-forward, and `(2 layers)^-1/2` less on the two ways back to the residual stream.
   */
  constructor(init: Initializer, private readonly config: ClipTowerConfig, linear: ClipLinearMaker = trainableLinear) {
    const { hidden_size: width, intermediate_size: inner, num_hidden_layers: layers, layer_norm_eps: eps } = config;
    const unit = Math.sqrt(3); // a uniform number within b has the deviation b / sqrt(3)
    const back = unit / Math.sqrt(2 * layers);
    const project = (gain: number) => linear(init, width, width, gain);
    this.self_attn = {
      k_proj: project(unit),
      v_proj: project(unit),
      q_proj: project(unit),
      out_proj: project(back),
    };
    this.layer_norm1 = new LayerNorm(init, width, eps);
    this.mlp = {
      fc1: linear(init, width, inner, unit / Math.SQRT2),
      fc2: linear(init, inner, width, back * Math.sqrt(inner / width)),
    };
    this.layer_norm2 = new LayerNorm(init, width, eps);
  }

  /** `[B, T, C] -> [B, T, C]`. */
  forward(x: Tensor, visibility: ClipVisibility): Tensor {
    const { q_proj, k_proj, v_proj, out_proj } = this.self_attn;
    const { num_attention_heads: heads, hidden_act } = this.config;
    const read = this.layer_norm1.forward(x);
    const [q, k, v] = [q_proj, k_proj, v_proj].map((projection) => splitHeads(projection.forward(read), heads));
    const h = add(x, out_proj.forward(joinHeads(attention(q!, k!, v!, { visibility }))));
    const { fc1, fc2 } = this.mlp, act = hidden_act === "gelu" ? gelu : quickGelu;
    return add(h, fc2.forward(act(fc1.forward(this.layer_norm2.forward(h)))));
  }

  /** `self_attn.k_proj.weight` to `layer_norm2.bias`. */
  parameters(): Map<string, Tensor> {
    const { layer_norm1, layer_norm2 } = this, { "mlp.fc1": fc1, "mlp.fc2": fc2, ...attention } = this.linears();
    return nestParameters({ ...attention, layer_norm1, "mlp.fc1": fc1, "mlp.fc2": fc2, layer_norm2 });
  }

  /** The linear layers by their names. */
  linears(): Readonly<Record<`self_attn.${"k" | "v" | "q" | "out"}_proj` | `mlp.fc${1 | 2}`, ClipLinear>> {
    const { self_attn: { k_proj, v_proj, q_proj, out_proj }, mlp: { fc1, fc2 } } = this;
    return {
      "self_attn.k_proj": k_proj,
      "self_attn.v_proj": v_proj,
      "self_attn.q_proj": q_proj,
      "self_attn.out_proj": out_proj,
      "mlp.fc1": fc1,
      "mlp.fc2": fc2,
    };
  }
}

/** The layers of one tower of a CLIP, one after the other. */
export class ClipEncoder implements Module {
  /** From input to output. */
  readonly layers: readonly ClipLayer[];

  /** Draws the first values. */
  constructor(init: Initializer, config: ClipTowerConfig, linear: ClipLinearMaker = trainableLinear) {
    this.layers = Array.from({ length: config.num_hidden_layers }, () => new ClipLayer(init, config, linear));
  }

  /** `[B, T, C] -> [B, T, C]`. Without gradients a layer's memory serves the next. */
  forward(x: Tensor, visibility: ClipVisibility): Tensor {
    const { device } = x;
    return this.layers.reduce((h, layer) => {
      if (device.gradEnabled) return layer.forward(h, visibility);
      using scope = device.scope();
      const next = scope.keep(layer.forward(h, visibility));
      if (h !== x) h.dispose();
      return next;
    }, x);
  }

  /** `layers.0.*` and so on. */
  parameters(): Map<string, Tensor> {
    return nestParameters(Object.fromEntries(this.layers.map((layer, l) => [`layers.${l}`, layer])));
  }

  /** The linear layers, `layers.0.self_attn.k_proj` and so on. */
  linears(): Map<string, ClipLinear> {
    return new Map(
      this.layers.flatMap((layer, l) =>
        Object.entries(layer.linears()).map(([name, linear]) => [`layers.${l}.${name}`, linear] as const)
      ),
    );
  }
}
