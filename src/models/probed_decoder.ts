import shader from "../../shaders/decode_choose.wgsl" with { type: "text" };
import { Scalar } from "../gpu/params.ts";
import type { Captured } from "../tensor/captured.ts";
import { foldGrid } from "../tensor/device.ts";
import type { Scope } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Decoded } from "./arpg_decoder.ts";
import { checkRequest, type DecodeRequest } from "./decode_request.ts";
import { DecodeStep, type Guidance, type Sampling } from "./decode_step.ts";
import type { FrozenArpg } from "./frozen_arpg.ts";

const source = { name: "decode_choose", text: shader };

/** What is known before a step, on the device. A sample that is done has nothing unpainted, and its choice is ignored. */
export interface Probe {
  /** u32, of the batch: for random numbers. */
  readonly seed: Scalar;
  /** t, from 0. */
  readonly step: number;
  /** i32 `[B, N]`: place of a cell among those not painted in the order of its sample, from 1 up; 0 where it is painted. */
  readonly unpainted: Tensor;
  /** i32 `[B]`: cells that are not painted. */
  readonly remaining: Tensor;
  /**
   * `[B, N, 3]`: largest probability, entropy divided by log V, and largest less second probability of the tokens of
   * every unpainted cell; 0 for painted ones. Of the logits that a chosen cell is decoded with, at temperature 1.
   */
  readonly signals: Tensor;
}

/** What to paint in a step. */
export interface Choice {
  /** i32 `[B]`: number of the degree in the list of degrees. */
  readonly degree: Tensor;
  /** i32 `[B, K]`: unpainted cells, first pick first, padded with -1; the first `degree` of them are painted. */
  readonly picks: Tensor;
}

/** Settings of a {@link ProbedDecoder}. */
export interface ProbedDecoderOptions extends Sampling {
  /** B, samples decoded together. */
  readonly batch: number;
  /** T_max; the last step paints whatever remains. */
  readonly steps: number;
  /** D numbers of cells that a step may paint. */
  readonly degrees: readonly number[];
  /** Multiplies the chosen degree; default 1. */
  readonly speed?: number;
  /** Default: none, one pass. */
  readonly guidance?: Guidance;
  /** Whether to note the log-probability of every token; default no. */
  readonly logProbs?: boolean;
  /** Most cells that a sample knows from the start; default none. */
  readonly mostKnown?: number;
  /** Decides at every step; recorded once. What outlives the step must be kept in its scope. */
  readonly choose: (probe: Probe, step: Scope) => Choice;
}

/** What was decoded, overwritten by the next call. */
export interface Probed extends Decoded {
  /** `[B, 2]`: steps, and cells that the second pass was asked for in all of them. */
  readonly cost: Tensor;
}

/**
 * Parallel decoding of a frozen ARPG in which the device decides, before every step, how many cells to paint and which.
 * The second pass is asked for every unpainted cell; since queries do not see each other, those logits are the ones the
 * chosen cells are decoded with, so the probe makes the pass wider but needs no second one. A whole batch is one
 * submit, without a wait of the host.
 *
 * The token of a cell has the random numbers of `ArpgDecoder`: given equal orders and groups, both paint the same. With
 * linear guidance the signals are those of its full scale, since the cells painted after the step are not known yet.
 */
export class ProbedDecoder implements Disposable {
  readonly #seed = new Scalar(0);
  readonly #state: DecodeStep;
  readonly #cost: Tensor;
  readonly #degrees: Tensor;
  readonly #captured: Captured<void>;

  /** Records the decoding. */
  constructor(readonly model: FrozenArpg, private readonly options: ProbedDecoderOptions) {
    const { batch, steps, degrees, speed = 1, mostKnown = 0 } = options;
    const { device, config: { cells } } = model;
    const group = Math.min(cells, Math.max(1, Math.round(speed * Math.max(...degrees))));
    const content = (t: number) => t === 0 ? mostKnown + 1 : group;
    const rows = Array.from({ length: steps }, (_, t) => ({ content: content(t), queries: cells }));
    this.#state = device.persistent(() => new DecodeStep(model, { ...options, probing: true }, rows, true, this.#seed));
    this.#cost = device.persistent(() => device.zeros([batch, 2]));
    this.#degrees = device.persistent(() => device.tensor(Int32Array.from(degrees)));
    this.#captured = device.capture(() => {
      for (let t = 0; t < steps; t++) this.#step(t);
    });
    this.#state.grids.upload();
  }

  /**
   * Decodes a batch, without a wait. Known cells come first in the order; the places of the others in it are told to who
   * chooses, and where a choice has fewer picks than its degree they are painted in it.
   *
   * @throws {RangeError} for a request that does not fit.
   */
  decode({ classes, order, samples, seed, known }: Omit<DecodeRequest, "groups">): Probed {
    const { model: { config: { cells } }, options: { batch, steps, mostKnown = 0 } } = this;
    const groups = new Int32Array(steps * batch).fill(cells); // every step probes all that is not painted
    const plan = { steps, mostKnown, mostGroup: cells };
    checkRequest(
      { classes, order, samples, seed, groups, ...(known ? { known } : {}) },
      plan,
      batch,
      this.model.config,
    );
    const state = this.#state;
    state.write({ classes, order, samples, groups, known: known?.counts ?? new Int32Array(batch) });
    state.tokens.write(known?.tokens ?? new Int32Array(batch * cells));
    state.painted.write(new Int32Array(batch * cells).fill(-1));
    state.logProbs?.write(new Float32Array(batch * cells));
    this.#cost.write(new Float32Array(2 * batch));
    this.#seed.value = seed;
    this.#captured.replay();
    return this.decoded;
  }

  /** What the last call decoded. */
  get decoded(): Probed {
    const { tokens, painted, logProbs } = this.#state;
    return { tokens, painted, logProbs, cost: this.#cost };
  }

  /** Gives the memory back. */
  dispose(): void {
    this.#captured.dispose();
    this.#state.dispose();
    this.#cost.dispose();
    this.#degrees.dispose();
  }

  /** {@link dispose}, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #step(t: number): void {
    const { batch, steps, guidance, speed = 1, choose } = this.options;
    const { device, config: { cells, vocab }, head } = this.model;
    const { starts, state, orders, painted, queries, grids } = this.#state;
    using step = device.scope();
    const logits = this.#state.logits(t);
    let guided = this.#state.guide(t, logits);
    const unpainted = device.empty([batch, cells], "i32"), remaining = device.empty([batch], "i32");
    const signals = device.zeros([batch, cells, 3]);
    const order = orders[t % 2]!;
    const common = { batch, cells, vocab, cols4: head.out / 4, step: t, last: t === steps - 1 ? 1 : 0 };
    const params = { ...common, count: 0, speed };
    device.launch(source, "observe", {
      read: [starts, order],
      write: [unpainted, remaining, this.#cost],
      params,
      grid: foldGrid(Math.ceil(batch * cells / 64)),
    });
    device.launch(source, "signals", {
      read: [guided, grids.counts, queries],
      write: [signals],
      params,
      grid: grids.grid("half", batch * cells, 8, 1),
    });
    const { degree, picks } = choose({ seed: this.#seed, step: t, unpainted, remaining, signals }, step);
    device.launch(source, "apply", {
      read: [starts, order, this.#degrees, degree, picks],
      write: [orders[(t + 1) % 2]!, state, painted],
      params: { ...params, count: picks.shape[1]! },
      grid: [Math.ceil(batch / 64)],
    });
    if (guidance?.form === "linear") guided = this.#state.guide(t, logits);
    this.#state.draw(t, guided);
  }
}
