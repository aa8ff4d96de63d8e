import type { Arpg } from "../../src/models/arpg.ts";
import { ArpgDecoder, type ArpgDecoderOptions } from "../../src/models/arpg_decoder.ts";
import { cellOrder, knownFirst } from "../../src/models/decode_order.ts";
import type { DecodeRequest } from "../../src/models/decode_request.ts";
import { FrozenArpg } from "../../src/models/frozen_arpg.ts";
import { GeneratorGrpo } from "../../src/rl/generator_grpo.ts";
import type { GeneratorGrpoOptions } from "../../src/rl/generator_options.ts";

export const cells = 16;

/** Groups of the samples, by turns: each decodes in steps of its own. */
export const plans = [[1, 2, 5, 8], [4, 4, 4, 4], [16], [3, 13], [1, 1, 1, 13]] as const;

/** A decoder for {@link requestOf}, whose samples take different numbers of steps. */
export function raggedDecoder(
  frozen: FrozenArpg,
  batch: number,
  options: Pick<ArpgDecoderOptions, "temperature" | "guidance" | "inspect">,
): ArpgDecoder {
  return new ArpgDecoder(frozen, { ...options, batch, plan: { steps: 4, mostKnown: 3, mostGroup: cells } });
}

/** Random orders of `batch` samples, of which every third knows three cells where wished for. */
export function requestOf(batch: number, seed: number, known = false): DecodeRequest & { readonly groups: Int32Array } {
  const samples = Array.from({ length: batch }, (_, b) => b);
  const mask = Uint8Array.from({ length: cells }, (_, cell) => cell % 5 === 1 ? 1 : 0); // cells 1, 6 and 11
  const knows = (b: number) => known && b % 3 === 1;
  const groups = new Int32Array(4 * batch);
  samples.forEach((b) => plans[b % plans.length]!.forEach((group, t) => groups[t * batch + b] = group));
  return {
    classes: Int32Array.from(samples, (b) => b % 3),
    order: Int32Array.from(samples.flatMap((b) => {
      const order = cellOrder("random", cells, seed, b);
      return [...knows(b) ? knownFirst(order, mask) : order];
    })),
    samples: Int32Array.from(samples),
    seed,
    groups,
    known: {
      tokens: Int32Array.from({ length: batch * cells }, (_, i) => i % 7),
      counts: Int32Array.from(samples, (b) => knows(b) ? 3 : 0),
    },
  };
}

export const options: GeneratorGrpoOptions = {
  innerEpochs: 1,
  learningRate: 0.02,
  updates: 1e9,
  warmupUpdates: 0,
  maxGradNorm: 1e6,
  emaDecay: 0.9,
  normalisation: "token_mean",
  clipLow: 0.2,
  clipHigh: 0.28,
  delta: 3,
  kl: "exact",
  beta: 0,
  guidance: { scale: 1.5, form: "linear" },
  temperature: 1,
};

/** A generator that is trained on what it paints, with a reward made on the host. */
export class TinyTraining implements Disposable {
  /** Written by {@link paint} and {@link reward}. */
  readonly experience;
  readonly trainer: GeneratorGrpo;
  readonly #decoder: ArpgDecoder;

  private constructor(
    readonly model: Arpg,
    readonly frozen: FrozenArpg,
    readonly batch: number,
    reference: Arpg | null,
    options: GeneratorGrpoOptions,
  ) {
    const { device } = frozen;
    this.#decoder = raggedDecoder(frozen, batch, options);
    const { tokens, painted } = this.#decoder.decoded;
    const classes = device.tensor(requestOf(batch, 0).classes);
    this.experience = { tokens, painted, classes, advantage: device.zeros([batch]) };
    this.trainer = new GeneratorGrpo(model, reference, frozen, this.experience, options);
  }

  static async of(
    model: Arpg,
    reference: Arpg | null = null,
    { batch = 12, ...changes }: Partial<GeneratorGrpoOptions> & { readonly batch?: number } = {},
  ): Promise<TinyTraining> {
    return new TinyTraining(model, await FrozenArpg.of(model), batch, reference, { ...options, ...changes });
  }

  paint(seed: number, known = false): void {
    this.#decoder.decode(requestOf(this.batch, seed, known));
  }

  /** Writes advantages for the share of a token in every picture; returns the mean share. */
  async reward(token: number): Promise<number> {
    const { experience: { tokens, advantage }, batch } = this;
    const ids = await tokens.data();
    const shares = Float32Array.from(
      { length: batch },
      (_, b) => ids.subarray(b * cells, (b + 1) * cells).filter((id) => id === token).length / cells,
    );
    const mean = shares.reduce((a, b) => a + b) / batch;
    const deviation = Math.sqrt(shares.reduce((a, b) => a + (b - mean) ** 2, 0) / batch);
    advantage.write(shares.map((share) => (share - mean) / (deviation + 1e-6)));
    return mean;
  }

  /** The gradient steps of update n, without a wait. */
  update(n: number, steps = 1): void {
    this.trainer.remember(n);
    for (let i = 0; i < steps; i++) this.trainer.improve();
    this.trainer.refresh();
  }

  async metrics(): Promise<Record<string, number>> {
    return this.trainer.metrics(await this.trainer.statistics.data() as Float32Array);
  }

  [Symbol.dispose](): void {
    this.trainer.dispose();
    this.#decoder.dispose();
    this.frozen.dispose();
  }
}
