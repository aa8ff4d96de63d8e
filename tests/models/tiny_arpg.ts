import { Arpg } from "../../src/models/arpg.ts";
import type { ArpgConfig } from "../../src/models/arpg_config.ts";
import { Initializer } from "../../src/nn/init.ts";
import type { Device } from "../../src/tensor/device.ts";
import type { Shape } from "../../src/tensor/shape.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

export const tinyArpgConfig: ArpgConfig = {
  dim: 32,
  layers: 4,
  heads: 2,
  multiple_of: 8,
  vocab: 12,
  classes: 3,
  cells: 16,
  position: "learned",
};

/** First values large enough that every part of a small model matters to its logits. */
class LivelyInitializer extends Initializer {
  override normal(shape: Shape, deviation = 1): Tensor {
    return super.normal(shape, 12 * deviation);
  }

  override ones(shape: Shape): Tensor {
    const gains = super.ones(shape);
    gains.write(Float32Array.from({ length: gains.size }, (_, i) => 1 + 0.5 * Math.sin(i + this.seed)));
    return gains;
  }
}

/** A small model with lively weights. */
export function tinyArpg(device: Device, changes: Partial<ArpgConfig> = {}, seed = 1): Arpg {
  return new Arpg(new LivelyInitializer(device, seed), { ...tinyArpgConfig, ...changes });
}
