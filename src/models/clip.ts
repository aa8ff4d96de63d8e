import { BlankInitializer, type Initializer } from "../nn/init.ts";
import { checkWeights, loadParametersFrom, type Module, nestParameters, type WeightSource } from "../nn/module.ts";
import { Projection } from "../nn/projection.ts";
import { mul } from "../ops/elementwise_binary.ts";
import { exp, rsqrt, square } from "../ops/elementwise_unary.ts";
import { matmul } from "../ops/matmul.ts";
import { sum } from "../ops/reduce.ts";
import type { Device } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkClipConfig, type ClipConfig, clipShapes } from "./clip_config.ts";
import { ClipTextTower } from "./clip_text.ts";
import { ClipVisionTower } from "./clip_vision.ts";
import { splitTables } from "./split_embedding.ts";

/** What looks at pictures and texts: a {@link Clip}, or a `FrozenClip`, whose weights take half the memory. */
export interface ClipEncoders {
  /** Sizes. */
  readonly config: ClipConfig;
  /** `[]`, the logarithm of the factor of cosines. */
  readonly logitScale: Tensor;
  /** Normalised pixels `[B, 3, S, S]` to `[B, P]`, not normalised. */
  encodeImage(pixels: Tensor): Tensor;
  /** Ids, i32 `[B, L]`, to `[B, P]`, not normalised. */
  encodeText(ids: Tensor): Tensor;
}

/**
 * CLIP (Radford et al. 2021, arXiv 2103.00020) as HuggingFace's `CLIPModel` stores it: a transformer of images and one
 * of texts, each followed by a projection into a space where an image lies near the texts that describe it.
 */
export class Clip implements Module, ClipEncoders {
  /** Images to `[B, C]`. */
  readonly vision: ClipVisionTower;
  /** Texts to `[B, C]`. */
  readonly text: ClipTextTower;
  /** C to P. */
  readonly visualProjection: Projection;
  /** C to P. */
  readonly textProjection: Projection;
  /** `[]`, the logarithm of the factor of cosines in {@link similarities}. */
  readonly logitScale: Tensor;

  /**
   * Draws the first values.
   *
   * @throws {RangeError} for sizes that make no model.
   */
  constructor(init: Initializer, readonly config: ClipConfig) {
    checkClipConfig(config);
    const { projection_dim, text_config, vision_config } = config;
    this.text = new ClipTextTower(init, text_config);
    this.vision = new ClipVisionTower(init, vision_config);
    const project = (width: number) => new Projection(init, width, projection_dim, width ** -0.5);
    this.visualProjection = project(vision_config.hidden_size);
    this.textProjection = project(text_config.hidden_size);
    this.logitScale = init.device.parameter(Float32Array.of(config.logit_scale_init_value), []);
  }

  /**
   * Images to their place in the common space, `[B, P]`, not normalised.
   *
   * @param pixels `[B, 3, S, S]`, normalised as the model wants it.
   * @throws {RangeError} for another shape.
   */
  encodeImage(pixels: Tensor): Tensor {
    return this.visualProjection.forward(this.vision.forward(pixels));
  }

  /**
   * Texts to their place in the common space, `[B, P]`, not normalised.
   *
   * @param ids i32 `[B, L]`, such as `ClipTokenizer` makes them; see {@link ClipTextTower}.
   * @throws {RangeError} for another shape or type.
   */
  encodeText(ids: Tensor): Tensor {
    return this.textProjection.forward(this.text.forward(ids));
  }

  /** `e^logitScale cos(image, text)` of embeddings `[B, P]` and `[N, P]`, `[B, N]`: the logits of texts for each image. */
  similarities(images: Tensor, texts: Tensor): Tensor {
    return mul(matmul(unitRows(images), unitRows(texts), { layout: "nt" }), exp(this.logitScale));
  }

  /**
   * Under the names of HuggingFace's `CLIPModel`, `logit_scale` to `text_projection.weight`. Where the adapter cannot bind
   * the table of tokens at once there are parts of it instead, see {@link SplitEmbedding}; files hold whole tables.
   */
  parameters(): Map<string, Tensor> {
    return new Map([
      ["logit_scale", this.logitScale],
      ...nestParameters({
        text_model: this.text,
        vision_model: this.vision,
        visual_projection: this.visualProjection,
        text_projection: this.textProjection,
      }),
    ]);
  }
}

/** `x / |x|` along the last axis, any shape. */
export function unitRows(x: Tensor): Tensor {
  return mul(x, rsqrt(sum(square(x), -1, true)));
}

/** Buffers that files of older versions hold beside the weights. */
export const clipLoading = { ignore: (name: string) => name.endsWith(".position_ids") };

/**
 * A CLIP of the given sizes with weights that are read one tensor at a time, by the names of `CLIPModel`.
 *
 * @throws {UserError} for weights of other names or shapes, all of them named; no memory is taken then.
 */
export async function clipFrom(device: Device, config: ClipConfig, source: WeightSource): Promise<Clip> {
  checkWeights(clipShapes(config), source.entries, clipLoading);
  const model = new Clip(new BlankInitializer(device), config);
  await loadParametersFrom(model, splitTables(source, model.parameters()), clipLoading);
  return model;
}
