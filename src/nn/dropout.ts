import { clamp } from "../ops/clamp.ts";
import { mul, sub } from "../ops/elementwise_binary.ts";
import { randomUniform } from "../ops/random.ts";
import type { Device } from "../tensor/device.ts";
import type { RandomKey } from "../tensor/philox.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * Any nonzero distance of a random number from the rate, times this, is at least 1: the numbers are odd multiples of
 * 2^-24, and a float32 rate near one of them a multiple of 2^-48.
 */
const steepness = 2 ** 60;

/**
 * Zeroes each element with probability `rate` and divides the others by `1 - rate`, so that the mean is kept
 * (Srivastava et al. 2014). The gradient is `dy` under the same mask. For training only: leave the call out elsewhere.
 *
 * @param rate at least 0 and below 1; 0 gives x itself.
 * @param key each dropout of a step needs a purpose of its own.
 * @throws {RangeError} for another rate.
 */
export function dropout(x: Tensor, rate: number, key: RandomKey): Tensor {
  requireRate(rate);
  return rate === 0 ? x : mul(x, keepMask(x.device, x.shape, rate, key, 1 / (1 - rate)));
}

/**
 * A mask outside the tape: 0 with probability `rate`, else `kept`. Element i is 0 where element i of `randomUniform`
 * under the same key is at most the rate.
 *
 * @param rate at least 0 and below 1.
 * @param kept a positive number, such as the factor that keeps the mean.
 * @throws {RangeError} for another rate.
 */
export function keepMask(device: Device, shape: Shape, rate: number, key: RandomKey, kept = 1): Tensor {
  requireRate(rate);
  return device.noGrad(() => clamp(mul(sub(randomUniform(device, shape, key), rate), steepness), 0, kept));
}

function requireRate(rate: number): void {
  if (rate >= 0 && rate < 1) return;
  throw new RangeError(`Cannot drop out: the rate must be at least 0 and below 1, got ${rate}`);
}
