import { type ClipEncoders, unitRows } from "../models/clip.ts";
import { ClipPreprocess } from "../models/clip_preprocess.ts";
import { concat } from "../ops/concat.ts";
import { slice } from "../ops/slice.ts";
import type { Device } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { clipPictures } from "./clip_batch.ts";
import type { PaintedImages } from "./reward.ts";

/** Pictures as a CLIP sees them, for the rewards that look through it: each picture goes through it once. */
export class ClipFeatures {
  readonly #preprocess: ClipPreprocess;
  readonly #seen = new WeakMap<PaintedImages, Tensor>();

  /** For pictures of one size. */
  constructor(device: Device, readonly clip: ClipEncoders, height: number, width: number) {
    this.#preprocess = new ClipPreprocess(device, height, width, clip.config.vision_config.image_size);
  }

  /**
   * The pictures' embeddings, `[N, P]`, each of length 1, without gradient. Rewards that are asked about the same
   * object share them, as long as the scope or the recording lives that they were made in.
   */
  of(painted: PaintedImages): Tensor {
    const seen = this.#seen.get(painted);
    if (seen?.storage.alive) return seen;
    const { images } = painted;
    const features = images.device.noGrad(() => this.#embed(images));
    this.#seen.set(painted, features);
    return features;
  }

  #embed(images: Tensor): Tensor {
    const count = images.shape[0]!, together = clipPictures(this.clip.config.vision_config, count);
    const parts: Tensor[] = [];
    for (let start = 0; start < count; start += together) {
      using batch = images.device.scope(); // frees what the model computes on the way
      const some = slice(images, 0, start, Math.min(start + together, count));
      parts.push(batch.keep(unitRows(this.clip.encodeImage(this.#preprocess.forward(some)))));
    }
    return concat(parts, 0);
  }
}
