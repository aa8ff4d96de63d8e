import { UserError } from "../error.ts";
import type { Inception } from "../models/inception.ts";
import { inceptionClasses, inceptionFeatures } from "../models/inception_layout.ts";
import type { Judge } from "../models/judge.ts";
import type { Device } from "../tensor/device.ts";
import { type Classification, classify } from "./classify.ts";

/** Sizes of pictures of one kind. */
export interface PictureSizes {
  /** Rows. */
  readonly height: number;
  /** Pixels in a row. */
  readonly width: number;
  /** 1 for grey, 3 for red, green and blue. */
  readonly channels: number;
}

/** A network in whose features and classes pictures are compared. */
export interface FeatureNetwork {
  /** `inception` for numbers that compare with published ones, `judge` for digits. */
  readonly kind: "inception" | "judge";
  /** Width of its features. */
  readonly dimensions: number;
  /** How many classes it knows. */
  readonly classes: number;
  /** Pictures that it takes at once. */
  readonly batch: number;
  /**
   * Features and class probabilities of pictures `[N, H, W, C]` of bytes.
   *
   * @param path names the pictures in errors.
   * @throws {UserError} for pictures that it cannot see.
   */
  see(pictures: Uint8Array, sizes: PictureSizes, path: string): Promise<Classification>;
}

/** Inception as the FID takes it; grey pictures become three equal channels. */
export function inceptionNetwork(device: Device, inception: Inception): FeatureNetwork {
  return {
    ...{ kind: "inception", dimensions: inceptionFeatures, classes: inceptionClasses, batch: 8 },
    async see(pictures, { height, width, channels }) {
      const plane = height * width, count = pictures.length / (plane * channels);
      const planes = new Float32Array(count * 3 * plane);
      for (let n = 0; n < count; n++) {
        for (let c = 0; c < 3; c++) {
          const from = n * plane * channels + Math.min(c, channels - 1), to = (3 * n + c) * plane;
          for (let i = 0; i < plane; i++) planes[to + i] = pictures[from + i * channels]! / 255;
        }
      }
      using _batch = device.scope();
      const features = inception.features(device.tensor(planes, [count, 3, height, width]));
      const [seen, probabilities] = await device.read([features, inception.probabilities(features)]);
      return { features: seen as Float32Array, probabilities: probabilities as Float32Array };
    },
  };
}

/** A judge of digits: for pictures of its size that are grey, in one channel or in three equal ones. */
export function judgeNetwork(device: Device, judge: Judge): FeatureNetwork {
  using _shapes = device.scope();
  const blank = device.zeros([1, 1, judge.size, judge.size]);
  const dimensions = device.noGrad(() => judge.features(blank)).shape[1]!;
  return {
    ...{ kind: "judge", dimensions, classes: 10, batch: 250 },
    async see(pictures, { height, width, channels }, path) {
      const refuse = (got: string) =>
        new UserError(
          `Cannot show ${path} to the digits judge: it sees grey pictures of ${judge.size}x${judge.size}, got ${got}; ` +
            "give the weights of Inception with --inception FILE",
        );
      if (height !== judge.size || width !== judge.size) throw refuse(`${width}x${height}`);
      const grey = pictures.filter((_, i) => i % channels === 0);
      if (pictures.some((level, i) => level !== grey[Math.floor(i / channels)])) throw refuse("colours");
      const [seen] = await classify(device, [judge], grey);
      return seen!;
    },
  };
}
