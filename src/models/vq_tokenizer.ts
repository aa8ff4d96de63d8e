import { naming } from "../error.ts";
import { Conv2d } from "../nn/conv2d.ts";
import { BlankInitializer, type Initializer } from "../nn/init.ts";
import { loadParameters, loadParametersFrom, type Module, nestParameters, type WeightSource } from "../nn/module.ts";
import { permute } from "../ops/permute.ts";
import { reshape } from "../ops/reshape.ts";
import type { Device } from "../tensor/device.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import { requireRank, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { makeDecoder, makeEncoder, type VqCoder } from "./vq_coder.ts";
import { cellSize, parseVqConfig, type VqConfig } from "./vq_config.ts";
import { type Quantized, VqQuantizer } from "./vq_quantizer.ts";

/** A forward pass of {@link VqTokenizer} for training. */
export interface VqReconstruction extends Quantized {
  /** The images decoded from their codes, `[B, C, H, W]`. */
  readonly images: Tensor;
}

/**
 * LlamaGen's VQ tokenizer (Sun et al. 2024, arXiv 2406.06525): images `[B, C, H, W]` in [-1, 1] to codes of cells of
 * `2^(levels - 1)` pixels, row by row, and back. The architecture is VQGAN's (Esser et al. 2021, arXiv 2012.09841) with
 * attention at the lowest resolution and a codebook on the unit sphere; weights have the published names.
 */
export class VqTokenizer implements Module {
  /** Images to `z_channels`. */
  readonly encoder: VqCoder;
  /** `z_channels` to images. */
  readonly decoder: VqCoder;
  /** The codebook. */
  readonly quantizer: VqQuantizer;
  readonly #quantConv: Conv2d;
  readonly #postQuantConv: Conv2d;

  /** Draws the first values. */
  constructor(init: Initializer, readonly config: VqConfig) {
    const { z_channels, codebook_size, codebook_embed_dim } = config;
    this.encoder = makeEncoder(init, config);
    this.decoder = makeDecoder(init, config);
    this.quantizer = new VqQuantizer(init, codebook_size, codebook_embed_dim);
    this.#quantConv = new Conv2d(init, z_channels, codebook_embed_dim, 1);
    this.#postQuantConv = new Conv2d(init, codebook_embed_dim, z_channels, 1);
  }

  /** Images `[B, C, H, W]` in [-1, 1] to codes, i32 `[B, cells]`, in raster order. */
  encode(images: Tensor): Tensor {
    const latents = this.#encode(images);
    return reshape(this.quantizer.codesOf(rowsOf(latents)), [images.shape[0]!, latents.shape[2]! * latents.shape[3]!]);
  }

  /**
   * Codes, i32 `[B, cells]` in raster order, to images `[B, C, H, W]`, nominally in [-1, 1].
   *
   * @param rows rows of cells; left out, the image is square.
   * @throws {RangeError} where the cells do not form so many rows.
   */
  decode(codes: Tensor, rows?: number): Tensor {
    requireRank("decode", "codes", codes.shape, 2);
    const [batch, cells] = codes.shape as [number, number];
    const h = rows ?? Math.round(Math.sqrt(cells));
    if (rows === undefined ? h * h !== cells : cells % h !== 0) {
      throw new RangeError(
        `Cannot decode codes ${showShape(codes.shape)}: ${cells} cells form no ${
          rows === undefined ? "square; pass the number of rows" : `${rows} rows of equal length`
        }`,
      );
    }
    return this.#decode(this.quantizer.vectorsOf(codes), [batch, h, cells / h]);
  }

  /** Encodes, quantises and decodes images `[B, C, H, W]`, with the losses of the codebook. */
  reconstruct(images: Tensor): VqReconstruction {
    const latents = this.#encode(images);
    const [batch, , h, w] = latents.shape as [number, number, number, number];
    const found = this.quantizer.quantize(rowsOf(latents));
    return { ...found, images: this.#decode(found.quantized, [batch, h, w]) };
  }

  /** `encoder.*`, `decoder.*`, `quantize.embedding.weight`, `quant_conv.*`, `post_quant_conv.*`. */
  parameters(): Map<string, Tensor> {
    return nestParameters({
      encoder: this.encoder,
      decoder: this.decoder,
      quantize: this.quantizer,
      quant_conv: this.#quantConv,
      post_quant_conv: this.#postQuantConv,
    });
  }

  /** `[B, C, H, W]` to `[B, D, H / cell, W / cell]`. */
  #encode(images: Tensor): Tensor {
    requireRank("encode", "images", images.shape, 4);
    const [, channels, h, w] = images.shape as [number, number, number, number];
    const { config } = this, cell = cellSize(config);
    if (channels !== config.image_channels || h % cell || w % cell) {
      throw new RangeError(
        `Cannot encode images ${showShape(images.shape)}: wanted ${config.image_channels} channels and sides ` +
          `divisible by ${cell}`,
      );
    }
    return this.#quantConv.forward(this.encoder.forward(images));
  }

  /** `[B h w, D]` or `[B, h w, D]` to images. */
  #decode(vectors: Tensor, [batch, h, w]: readonly [number, number, number]): Tensor {
    const { codebook_embed_dim: size } = this.config;
    const latents = reshape(permute(reshape(vectors, [batch, h * w, size]), [0, 2, 1]), [batch, size, h, w]);
    return this.decoder.forward(this.#postQuantConv.forward(latents));
  }
}

/** `[B, D, H, W]` to `[B H W, D]`. */
function rowsOf(x: Tensor): Tensor {
  const [batch, channels, h, w] = x.shape as [number, number, number, number];
  return reshape(permute(reshape(x, [batch, channels, h * w]), [0, 2, 1]), [batch * h * w, channels]);
}

/** A counter of the published training. */
const options = { ignore: (name: string) => name === "quantize.codebook_used" };

/**
 * A tokenizer of the given sizes with the given weights. The counter `quantize.codebook_used` of published checkpoints
 * is left out.
 *
 * @throws {UserError} for weights of other names or shapes.
 */
export function vqTokenizerOf(device: Device, config: VqConfig, weights: ReadonlyMap<string, HostTensor>): VqTokenizer {
  const model = new VqTokenizer(new BlankInitializer(device), config);
  loadParameters(model, weights, options);
  return model;
}

/** {@link vqTokenizerOf} with weights that are read one tensor at a time. */
export async function vqTokenizerFrom(device: Device, config: VqConfig, source: WeightSource): Promise<VqTokenizer> {
  const model = new VqTokenizer(new BlankInitializer(device), config);
  await loadParametersFrom(model, source, options);
  return model;
}

/**
 * The tokenizer of a safetensors file that the digits_tokenizer job wrote: sizes come from its metadata.
 *
 * @param file names it in errors.
 * @throws {UserError} for a file of another kind.
 */
export function loadVqTokenizer(
  device: Device,
  { tensors, metadata }: {
    readonly tensors: ReadonlyMap<string, HostTensor>;
    readonly metadata: Readonly<Record<string, string>>;
  },
  file: string,
): VqTokenizer {
  const config = parseVqConfig(metadata, file);
  try {
    return vqTokenizerOf(device, config, tensors);
  } catch (cause) {
    throw naming(file, cause);
  }
}
