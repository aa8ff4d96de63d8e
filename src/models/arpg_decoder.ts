import { Scalar } from "../gpu/params.ts";
import type { Captured } from "../tensor/captured.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkRequest, type DecodePlan, type DecodeRequest, decodingRefused } from "./decode_request.ts";
import { DecodeStep, type Guidance, type Sampling } from "./decode_step.ts";
import type { FrozenArpg } from "./frozen_arpg.ts";

/** Settings of an {@link ArpgDecoder}. */
export interface ArpgDecoderOptions extends Sampling {
  /** B, samples decoded together. */
  readonly batch: number;
  /** Groups. */
  readonly plan: DecodePlan;
  /** Default: none, one pass. */
  readonly guidance?: Guidance;
  /** Whether to note the log-probability of every token; default no. */
  readonly logProbs?: boolean;
  /** Steps in a submit; default as many as a recording holds. */
  readonly stepsPerSubmit?: number;
  /** Called at every step while it is recorded, with the guided logits of its rows, sample by sample. */
  readonly inspect?: (step: number, logits: Tensor) => void;
}

/** What was decoded, overwritten by the next call. */
export interface Decoded {
  /** i32 `[B, N]` in raster order. */
  readonly tokens: Tensor;
  /** i32 `[B, N]`: the step in which a cell was painted, -1 where it was known. */
  readonly painted: Tensor;
  /**
   * `[B, N]`: log-probability of every drawn token under the guided logits over the temperature, whatever top-k and top-p
   * cut off; 0 where it was known. Null where it was not asked for.
   */
  readonly logProbs: Tensor | null;
}

/** A recording has room for 16,000; shorter ones begin to run earlier and keep no GPU from other work for long. */
const dispatchesPerSubmit = 8000;

/**
 * Parallel decoding of a frozen ARPG (arXiv 2503.10568, section 3.3). A whole batch is one recorded submit, or several
 * for many steps of many layers, without a wait of the host: content enters the first pass with key and value caches,
 * queries for the next group attend to what is painted. The token of a cell depends on its sample's own number, seed,
 * order and groups only, never on the batch.
 *
 * ```ts
 * import { Arpg, ArpgDecoder, cellOrder, Device, FrozenArpg, groupSizes, Initializer } from "@stipple/stipple";
 *
 * const device = await Device.open();
 * const sizes = { dim: 32, layers: 2, heads: 2, multiple_of: 32, vocab: 16, classes: 3, cells: 25 };
 * const model = new Arpg(new Initializer(device, 1), { ...sizes, position: "learned" }); // loadArpg: trained weights
 * const decoder = new ArpgDecoder(await FrozenArpg.of(model), {
 *   batch: 2,
 *   plan: { groups: groupSizes("arccos", 6, 25) }, // 25 cells in 6 steps
 *   guidance: { scale: 2, form: "linear" },
 *   temperature: 1,
 * });
 * const { tokens, painted } = decoder.decode({
 *   classes: Int32Array.of(0, 2),
 *   order: Int32Array.from([0, 1].flatMap((sample) => [...cellOrder("random", 25, 7, sample)])),
 *   samples: Int32Array.of(0, 1),
 *   seed: 7,
 * });
 * const ids = await tokens.data(), steps = await painted.data();
 * if (ids.length !== 2 * 25) throw new Error(`expected 25 tokens a sample, got ${ids.length / 2}`);
 * if (Math.max(...steps) !== 5) throw new Error(`expected steps 0 to 5, got ${steps}`);
 * device.destroy();
 * ```
 */
export class ArpgDecoder implements Disposable {
  readonly #state: DecodeStep;
  readonly #seed = new Scalar(0);
  readonly #captured: Captured<void>[] = [];

  /** Records the decoding. @throws {RangeError} for plans that do not fit the model. */
  constructor(readonly model: FrozenArpg, private readonly options: ArpgDecoderOptions) {
    const { batch, plan } = options;
    const { cells } = model.config;
    const uniform = "groups" in plan;
    const steps = uniform ? plan.groups.length : plan.steps;
    const known = uniform ? plan.known ?? 0 : plan.mostKnown;
    if (uniform) {
      const painted = plan.groups.reduce((a, b) => a + b, known);
      if (painted !== cells) {
        throw decodingRefused(batch, cells, `groups and known cells must add up to the cells, got ${painted}`);
      }
    }
    const groupAt = (t: number) => uniform ? plan.groups[t]! : plan.mostGroup;
    const contentAt = (t: number) => t === 0 ? known + 1 : groupAt(t - 1);
    const rows = Array.from({ length: steps }, (_, t) => ({ content: contentAt(t), queries: groupAt(t) }));
    const { device } = model;
    this.#state = device.persistent(() => new DecodeStep(model, options, rows, !uniform, this.#seed));
    const dispatches = 5 * model.config.layers + 16; // of a step: five a layer, few for all else
    const together = options.stepsPerSubmit ?? Math.max(1, Math.floor(dispatchesPerSubmit / dispatches));
    for (let first = 0; first < steps; first += together) {
      this.#captured.push(device.capture(() => {
        for (let t = first; t < Math.min(steps, first + together); t++) {
          using step = device.scope();
          const logits = this.#state.guide(t, this.#state.logits(t));
          this.#state.draw(t, logits);
          options.inspect?.(t, step.keep(logits));
        }
      }));
    }
    this.#state.grids.upload();
  }

  /** u32: rows of content, of queries and of queries with a class in the step that ran last. */
  get counts(): Tensor {
    return this.#state.grids.counts;
  }

  /**
   * Decodes a batch, without a wait.
   *
   * @throws {RangeError} for a request that does not fit the plan or the model.
   */
  decode(request: DecodeRequest): Decoded {
    const { options: { batch, plan }, model: { config } } = this;
    checkRequest(request, plan, batch, config);
    const { classes, order, samples, seed, groups, known } = request;
    const state = this.#state;
    const table = "groups" in plan ? Int32Array.from(plan.groups.flatMap((g) => Array(batch).fill(g))) : groups!;
    state.write({ classes, order, samples, groups: table, known: known?.counts ?? new Int32Array(batch) });
    state.tokens.write(known?.tokens ?? new Int32Array(batch * config.cells));
    state.painted.write(new Int32Array(batch * config.cells).fill(-1));
    state.logProbs?.write(new Float32Array(batch * config.cells));
    this.#seed.value = seed;
    for (const captured of this.#captured) captured.replay();
    return this.decoded;
  }

  /** What the last call decoded. */
  get decoded(): Decoded {
    const { tokens, painted, logProbs } = this.#state;
    return { tokens, painted, logProbs };
  }

  /** Gives the memory back. */
  dispose(): void {
    for (const captured of this.#captured) captured.dispose();
    this.#state.dispose();
  }

  /** {@link dispose}, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
