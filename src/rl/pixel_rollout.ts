import { placesOf } from "../data/pixel_sequences.ts";
import type { Scalar } from "../gpu/params.ts";
import type { LstmGenerator } from "../models/lstm_generator.ts";
import { concat } from "../ops/concat.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { mul } from "../ops/elementwise_binary.ts";
import { neg } from "../ops/elementwise_unary.ts";
import { embedding } from "../ops/embedding.ts";
import { reshape } from "../ops/reshape.ts";
import { slice } from "../ops/slice.ts";
import type { Device } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What a rollout needs besides the model: which image of which class each row is, and constants. */
export class RolloutRows {
  /** i32 `[N]`. */
  readonly classes: Tensor;
  /** i32 `[N]`, distinguishes the random numbers of the rows. */
  readonly #keys: Tensor;
  /** i32 `[N, 1]`, the first token. */
  readonly #begin: Tensor;
  /** i32 `[N, T]`. */
  readonly #places: Tensor;
  /** `[levels, 1]`, each grey level as a number in [0, 1]. */
  readonly #values: Tensor;

  constructor(device: Device, private readonly model: LstmGenerator, labels: readonly number[]) {
    const { levels, classes, pixels } = model.config;
    const n = labels.length;
    this.classes = device.tensor(Int32Array.from(labels));
    this.#keys = device.tensor(Int32Array.from(labels.keys()));
    this.#begin = device.tensor(Int32Array.from(labels, (label) => levels + label), [n, 1]);
    this.#places = device.tensor(placesOf(labels, pixels, classes), [n, pixels]);
    this.#values = device.tensor(Float32Array.from({ length: levels }, (_, level) => level / (levels - 1)), [
      levels,
      1,
    ]);
  }

  /** Samples a picture for every row: pixels, i32 `[N, T]`, and the log-probabilities they were drawn with. */
  rollout(
    options: { temperature: number; seed: number; update: Scalar; stream: number },
  ): { tokens: Tensor; logProbs: Tensor } {
    const { temperature, seed, update, stream } = options;
    return this.model.generate(this.classes, this.#keys, {
      temperature,
      key: { seed, stream: update, purpose: stream },
    });
  }

  /** Logits over the tokens of the rows, `[N, T, levels]`, divided by the temperature as in sampling. */
  logits(model: LstmGenerator, tokens: Tensor, temperature: number): Tensor {
    const before = concat([this.#begin, slice(tokens, 1, 0, tokens.shape[1]! - 1)], 1);
    const { logits } = model.forward(before, this.#places);
    return temperature === 1 ? logits : mul(logits, 1 / temperature);
  }

  /** Pixels as images `[N, 1, S, S]` with values in [0, 1]. */
  images(tokens: Tensor): Tensor {
    const [n, pixels] = tokens.shape as [number, number];
    const side = Math.sqrt(pixels);
    return reshape(embedding(this.#values, tokens), [n, 1, side, side]);
  }
}

/** Log-probabilities of the tokens under logits `[N, T, V]`, `[N, T]`. */
export function tokenLogProbs(logits: Tensor, tokens: Tensor): Tensor {
  return neg(crossEntropy(logits, tokens));
}
