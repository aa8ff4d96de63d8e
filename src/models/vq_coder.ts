import { Conv2d } from "../nn/conv2d.ts";
import type { Initializer } from "../nn/init.ts";
import { nestParameters } from "../nn/module.ts";
import { silu } from "../ops/elementwise_unary.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { AttnBlock, Downsample, GroupNorm, type ImageLayer, ResnetBlock, Upsample } from "./vq_blocks.ts";
import { normGroups, type VqConfig } from "./vq_config.ts";

/** Encoder or decoder of a {@link VqTokenizer}: layers one after the other, then `conv_out(silu(norm_out(x)))`. */
export class VqCoder implements ImageLayer {
  /**
   * Made by {@link makeEncoder} and {@link makeDecoder}.
   *
   * @param layers by their names, in the order in which they run.
   */
  constructor(
    private readonly layers: ReadonlyMap<string, ImageLayer>,
    private readonly normOut: GroupNorm,
    private readonly convOut: Conv2d,
  ) {}

  /** `[B, C, H, W]` to the image of the last layer. Where no gradients are wanted, a layer's memory goes with it. */
  forward(x: Tensor): Tensor {
    const { device } = x;
    const input = x;
    for (const layer of this.layers.values()) {
      if (device.gradEnabled) x = layer.forward(x);
      else {
        using scope = device.scope();
        const y = scope.keep(layer.forward(x));
        if (x !== input) x.dispose();
        x = y;
      }
    }
    return this.convOut.forward(silu(this.normOut.forward(x)));
  }

  /** `conv_in.weight`, ..., `conv_blocks.<level>.res.<i>.norm1.weight`, ..., `conv_out.bias`. */
  parameters(): Map<string, Tensor> {
    return nestParameters({ ...Object.fromEntries(this.layers), norm_out: this.normOut, conv_out: this.convOut });
  }
}

/** Images to `z_channels`: levels from the image downwards, each but the last followed by a halving; then the middle. */
export function makeEncoder(init: Initializer, config: VqConfig): VqCoder {
  const { ch, ch_mult, num_res_blocks, z_channels, image_channels } = config;
  const groups = normGroups(config), last = ch_mult.length - 1;
  const layers = new Map<string, ImageLayer>();
  layers.set("conv_in", new Conv2d(init, image_channels, ch, 3, { padding: 1 }));
  let channels = ch;
  ch_mult.forEach((factor, level) => {
    const name = `conv_blocks.${level}`, wanted = ch * factor;
    for (let i = 0; i < num_res_blocks; i++) {
      layers.set(`${name}.res.${i}`, new ResnetBlock(init, channels, channels = wanted, groups));
      if (level === last) layers.set(`${name}.attn.${i}`, new AttnBlock(init, channels, groups));
    }
    if (level < last) layers.set(`${name}.downsample`, new Downsample(init, channels));
  });
  addMiddle(layers, init, channels, groups);
  const convOut = new Conv2d(init, channels, z_channels, 3, { padding: 1 });
  return new VqCoder(layers, new GroupNorm(init, channels, groups), convOut);
}

/** `z_channels` to images: the middle, then levels from the lowest resolution upwards. */
export function makeDecoder(init: Initializer, config: VqConfig): VqCoder {
  const { ch, ch_mult, num_res_blocks, z_channels, image_channels } = config;
  const groups = normGroups(config), last = ch_mult.length - 1;
  const layers = new Map<string, ImageLayer>();
  let channels = ch * ch_mult[last]!;
  layers.set("conv_in", new Conv2d(init, z_channels, channels, 3, { padding: 1 }));
  addMiddle(layers, init, channels, groups);
  ch_mult.toReversed().forEach((factor, level) => {
    const name = `conv_blocks.${level}`, wanted = ch * factor;
    for (let i = 0; i <= num_res_blocks; i++) {
      layers.set(`${name}.res.${i}`, new ResnetBlock(init, channels, channels = wanted, groups));
      if (level === 0) layers.set(`${name}.attn.${i}`, new AttnBlock(init, channels, groups));
    }
    if (level < last) layers.set(`${name}.upsample`, new Upsample(init, channels));
  });
  const convOut = new Conv2d(init, channels, image_channels, 3, { padding: 1 });
  return new VqCoder(layers, new GroupNorm(init, channels, groups), convOut);
}

function addMiddle(layers: Map<string, ImageLayer>, init: Initializer, channels: number, groups: number): void {
  layers.set("mid.0", new ResnetBlock(init, channels, channels, groups));
  layers.set("mid.1", new AttnBlock(init, channels, groups));
  layers.set("mid.2", new ResnetBlock(init, channels, channels, groups));
}
