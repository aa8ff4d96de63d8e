import { ArpgDecoder, type Decoded } from "../models/arpg_decoder.ts";
import type { DecodeOrder } from "../models/decode_order.ts";
import type { DecodePlan } from "../models/decode_request.ts";
import { type DecodeSchedule, groupSizes } from "../models/decode_schedule.ts";
import type { FrozenArpg } from "../models/frozen_arpg.ts";
import { type NoiseSettings, samplingOf, type TokenPainting, type TokenRequest } from "./token_painting.ts";

/** How to paint by rules made by hand. */
export interface PaintSettings extends NoiseSettings {
  /** How many cells at each step. */
  readonly schedule: DecodeSchedule;
  /** Steps. */
  readonly steps: number;
  /** Where. */
  readonly order: DecodeOrder;
  /** u32, of the orders alone; default `seed`. Another paints other orders from the same noise. */
  readonly orderSeed?: number;
}

/** Decoding by a schedule and an order. */
export class HandPainting implements TokenPainting {
  readonly #decoder: ArpgDecoder;

  /** Records the decoding of batches whose pictures have so many known cells; undefined for none. */
  constructor(
    private readonly model: FrozenArpg,
    private readonly settings: PaintSettings,
    batch: number,
    known: Int32Array | undefined,
  ) {
    const plan = handPlan(settings, model.config.cells, known);
    this.#decoder = new ArpgDecoder(model, { batch, plan, ...samplingOf(settings) });
  }

  /** Decodes a batch, without a wait. */
  decode(request: TokenRequest): Decoded {
    const { settings: { steps }, model: { config: { cells } } } = this;
    if (!request.known) return this.#decoder.decode(request);
    const { counts } = request.known, batch = counts.length;
    const groups = new Int32Array(steps * batch);
    groupsAround(counts, this.settings, cells).forEach((plan, b) =>
      plan.forEach((group, t) => groups[t * batch + b] = group)
    );
    return this.#decoder.decode({ ...request, groups });
  }

  /** Gives the decoder's memory back. */
  [Symbol.dispose](): void {
    this.#decoder.dispose();
  }
}

/** The decoder's plan for pictures of which so many cells are known; undefined for none. */
export function handPlan(settings: PaintSettings, cells: number, known: Int32Array | undefined): DecodePlan {
  const { schedule, steps } = settings;
  if (!known) return { groups: groupSizes(schedule, steps, cells) };
  const groups = groupsAround(known, settings, cells).flat();
  return { steps, mostKnown: Math.max(...known), mostGroup: Math.max(1, ...groups) };
}

/** Groups of each picture for the cells that are not known. */
function groupsAround(known: Int32Array, { schedule, steps }: PaintSettings, cells: number): number[][] {
  return [...known].map((count) => count < cells ? groupSizes(schedule, steps, cells - count) : []);
}
