import { imageStatistics } from "../ops/image_statistics.ts";
import { add, maximum, minimum, mul, sub } from "../ops/elementwise_binary.ts";
import { exp, neg } from "../ops/elementwise_unary.ts";
import { sameShape, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { calibratedStatistics, type QualityCalibration, type Quantiles } from "./quality_calibration.ts";
import type { PaintedImages, Reward } from "./reward.ts";

/** Parts of the classic quality, each `[B]` in [0, 1]. */
export interface ClassicQuality {
  /** `min(100 v, 1)` of the variance v of the luma's Laplacian, with zeros around the picture. */
  readonly sharpness: Tensor;
  /** Largest less smallest value. */
  readonly contrast: Tensor;
  /** `min(2 s, 1)` of the mean deviation s over channels, 1 for grey pictures. */
  readonly saturation: Tensor;
  /** Mean of the three, at most 1. */
  readonly quality: Tensor;
}

/**
 * The classic measure of quality of images `[B, C, H, W]` with values in [0, 1]: more is always better. It loves noise:
 * white noise in RGB earns 0.84, a checkerboard 1, a smooth picture 0.35.
 *
 * @throws {RangeError} as `imageStatistics`.
 */
export function classicQuality(images: Tensor): ClassicQuality {
  const measured = imageStatistics(images, "zeros");
  const sharpness = minimum(mul(measured.sharpness, 100), 1), { contrast } = measured;
  const grey = images.shape[1] === 1;
  const saturation = grey ? images.device.full(contrast.shape, 1) : minimum(mul(measured.saturation, 2), 1);
  const quality = minimum(mul(add(add(sharpness, contrast), saturation), 1 / 3), 1);
  return { sharpness, contrast, saturation, quality };
}

/** Smallest tail, as a share of the quantiles' size: a statistic that is the same in all real pictures leaves play. */
const leastTail = 0.1;

/**
 * How far pictures lie outside real ones in a statistic `[B]`: 0 between the inner quantiles, beyond them the distance
 * from the nearer one in units of the tail, inner to outer quantile.
 */
function distanceOutside(x: Tensor, [lowest, low, high, highest]: Quantiles): Tensor {
  const least = Math.max(leastTail * Math.max(Math.abs(low), Math.abs(high)), 1e-3);
  const below = mul(sub(low, x), 1 / Math.max(low - lowest, least));
  const above = mul(sub(x, high), 1 / Math.max(highest - high, least));
  return maximum(maximum(below, above), 0);
}

/** Form of {@link QualityReward}. */
export type QualityForm =
  | { readonly form: "classic" }
  | { readonly form: "calibrated"; readonly calibration: QualityCalibration };

/**
 * Quality of pictures without a judge, `[N]` in [0, 1].
 *
 * `calibrated`, the form to use, is likeness to real pictures: `exp(-d)` with d the sum of how far sharpness, contrast,
 * saturation and grain lie outside the range of real pictures, see `calibrateQuality`. Too sharp pays as little as too
 * soft, and one statistic that is far off closes it, whatever the others. White noise of any strength, checkerboards and
 * constant pictures earn nearly nothing, real digits 0.8 to 0.9 in the mean. It does not know what a picture shows.
 *
 * `classic` is {@link classicQuality}, kept for comparison.
 */
export class QualityReward implements Reward {
  /** Name in the metrics. */
  readonly name = "quality";

  /** A reward of a form. */
  constructor(private readonly form: QualityForm) {}

  /**
   * Rewards of `images` `[N, C, H, W]`, `[N]`; NaN where a pixel is NaN.
   *
   * @throws {RangeError} for images of another shape than the calibration's, and as `imageStatistics`.
   */
  score({ images }: Pick<PaintedImages, "images">): Tensor {
    if (this.form.form === "classic") return classicQuality(images).quality;
    const { calibration } = this.form;
    if (!sameShape(images.shape.slice(1), calibration.shape)) {
      throw new RangeError(
        `Cannot apply quality: it was calibrated on pictures of shape ${showShape(calibration.shape)}, ` +
          `got images ${showShape(images.shape)}`,
      );
    }
    const measured = imageStatistics(images, "inside");
    const outside = calibratedStatistics.map((name) => distanceOutside(measured[name], calibration[name]));
    return exp(neg(outside.reduce((sum, distance) => add(sum, distance))));
  }
}
