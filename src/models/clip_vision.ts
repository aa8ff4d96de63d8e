import type { Initializer } from "../nn/init.ts";
import { LayerNorm } from "../nn/layer_norm.ts";
import { type Module, nestParameters } from "../nn/module.ts";
import { concat } from "../ops/concat.ts";
import { add } from "../ops/elementwise_binary.ts";
import { matmul } from "../ops/matmul.ts";
import { permute } from "../ops/permute.ts";
import { reshape } from "../ops/reshape.ts";
import { slice } from "../ops/slice.ts";
import { requireShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { clipGrid, type ClipVisionConfig } from "./clip_config.ts";
import { ClipEncoder, type ClipLinearMaker, trainableLinear } from "./clip_encoder.ts";

/**
 * The vision transformer of a CLIP (Dosovitskiy et al. 2020, arXiv 2010.11929): patches become tokens behind a learned
 * one for the whole image, `[class, patch_1 .. patch_N]`, whose last state is what the tower says.
 */
export class ClipVisionTower implements Module {
  /** `[C]`, the token for the whole image. */
  readonly classEmbedding: Tensor;
  /** `[C, channels, patch, patch]`, without bias. */
  readonly patchWeight: Tensor;
  /** `[N + 1, C]`. */
  readonly positions: Tensor;
  /** Before the layers. */
  readonly preNorm: LayerNorm;
  /** The layers. */
  readonly encoder: ClipEncoder;
  /** After the layers. */
  readonly postNorm: LayerNorm;

  /** Draws the first values, with OpenAI's deviations. */
  constructor(init: Initializer, readonly config: ClipVisionConfig, linear: ClipLinearMaker = trainableLinear) {
    const { hidden_size: width, patch_size, num_channels, layer_norm_eps: eps } = config;
    this.classEmbedding = init.normal([width], width ** -0.5);
    const terms = num_channels * patch_size ** 2;
    this.patchWeight = init.normal([width, num_channels, patch_size, patch_size], terms ** -0.5);
    this.positions = init.normal([clipGrid(config) ** 2 + 1, width], width ** -0.5);
    this.preNorm = new LayerNorm(init, width, eps);
    this.encoder = new ClipEncoder(init, config, linear);
    this.postNorm = new LayerNorm(init, width, eps);
  }

  /**
   * Normalised pixels `[B, channels, S, S]` to `[B, C]`.
   *
   * @throws {RangeError} for images of another shape.
   */
  forward(pixels: Tensor): Tensor {
    const { hidden_size: width } = this.config;
    const patches = this.#patches(pixels), [batch] = pixels.shape as [number];
    // The convolution of the published model, whose stride is its width, is one product of patches by weights.
    const embedded = matmul(patches, reshape(this.patchWeight, [width, patches.shape[2]!]), { layout: "nt" });
    const whole = add(reshape(this.classEmbedding, [1, 1, width]), pixels.device.zeros([batch, 1, width]));
    const tokens = add(concat([whole, embedded], 1), this.positions);
    const states = this.encoder.forward(this.preNorm.forward(tokens), "none");
    return this.postNorm.forward(reshape(slice(states, 1, 0, 1), [batch, width]));
  }

  /** Patches in raster order, `[B, N, channels patch patch]`; pixels that fill no patch are left out. */
  #patches(pixels: Tensor): Tensor {
    const { image_size, patch_size: patch, num_channels: channels } = this.config;
    const [batch = 1] = pixels.shape;
    requireShape("encodeImage", "pixels", pixels.shape, [batch, channels, image_size, image_size]);
    const grid = clipGrid(this.config), side = grid * patch;
    const cut = side < image_size ? slice(slice(pixels, 2, 0, side), 3, 0, side) : pixels;
    const cells = reshape(cut, [batch, channels, grid, patch, grid, patch]);
    return reshape(permute(cells, [0, 2, 4, 1, 3, 5]), [batch, grid * grid, channels * patch * patch]);
  }

  /** Gives the memory back. */
  dispose(): void {
    for (const tensor of this.parameters().values()) tensor.dispose();
  }

  /** Under HuggingFace's names, `embeddings.class_embedding` to `post_layernorm.bias`. */
  parameters(): Map<string, Tensor> {
    return new Map([
      ["embeddings.class_embedding", this.classEmbedding],
      ["embeddings.patch_embedding.weight", this.patchWeight],
      ["embeddings.position_embedding.weight", this.positions],
      // "layrnorm" is how the published files spell it.
      ...nestParameters({ pre_layrnorm: this.preNorm, encoder: this.encoder, post_layernorm: this.postNorm }),
    ]);
  }
}
