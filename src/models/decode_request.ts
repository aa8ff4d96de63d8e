import type { ArpgConfig } from "./arpg_config.ts";

/** How many cells each step paints, as far as the host knows it when the decoder is made. */
export type DecodePlan =
  /** The same groups for every sample, all of which start with equally many known cells. */
  | { readonly groups: readonly number[]; readonly known?: number }
  /** Groups and known cells of each sample are given to `decode`; finished samples cost nothing. */
  | { readonly steps: number; readonly mostKnown: number; readonly mostGroup: number };

/** What to decode: one entry a sample. */
export interface DecodeRequest {
  /** `[B]`; a negative class stands for none. */
  readonly classes: Int32Array;
  /** `[B, N]`, each row a permutation of the cells with the known ones first. */
  readonly order: Int32Array;
  /** `[B]`, numbers of the samples: with the seed and the cell they name a token's random numbers. */
  readonly samples: Int32Array;
  /** u32. */
  readonly seed: number;
  /** `[T, B]` cells to paint at each step, for plans that do not say; 0 counts as 1. */
  readonly groups?: Int32Array;
  /** Tokens `[B, N]` that hold the known ones, and how many there are in each sample, `[B]`. */
  readonly known?: { readonly tokens: Int32Array; readonly counts: Int32Array };
}

/** The error for what cannot be decoded. */
export function decodingRefused(batch: number, cells: number, reason: string): RangeError {
  return new RangeError(`Cannot decode ${batch} samples of ${cells} cells: ${reason}`);
}

/**
 * Checks a request: kernels trust it.
 *
 * @throws {RangeError} where it does not fit the plan, the batch or the model.
 */
export function checkRequest(
  { classes, order, samples, groups, known }: DecodeRequest,
  plan: DecodePlan,
  batch: number,
  config: Pick<ArpgConfig, "cells" | "classes">,
): void {
  const { cells } = config;
  const fail = (reason: string): never => {
    throw decodingRefused(batch, cells, reason);
  };
  const counts = known?.counts ?? new Int32Array(batch);
  const steps = "groups" in plan ? 0 : plan.steps;
  const lengths: [string, number, ArrayLike<number>][] = [
    ["classes", batch, classes],
    ["sample numbers", batch, samples],
    ["counts of known cells", batch, counts],
    ["cells in the orders", batch * cells, order],
    ["known tokens", batch * cells, known?.tokens ?? order],
    ["groups, one a step and sample", steps * batch, groups ?? []],
  ];
  for (const [what, wanted, { length }] of lengths) {
    if (length !== wanted) fail(`wanted ${wanted} ${what}, got ${length}`);
  }
  const unknown = classes.find((label) => label >= config.classes);
  if (unknown !== undefined) fail(`classes are below ${config.classes}, or negative for none, got ${unknown}`);
  for (let b = 0; b < batch; b++) {
    const painted = new Uint8Array(cells);
    for (const cell of order.subarray(b * cells, (b + 1) * cells)) painted[cell] = 1;
    if (painted.includes(0)) fail(`the order of sample ${b} is no permutation of its cells`);
  }
  const least = Math.min(...counts), most = Math.max(...counts);
  if ("groups" in plan) {
    const { known: begin = 0 } = plan;
    if (least < begin || most > begin) fail(`the plan begins with ${begin} known cells, got ${least} to ${most}`);
    return;
  }
  if (least < 0 || most > plan.mostKnown) {
    fail(`the plan has room for ${plan.mostKnown} known cells, got ${least} to ${most}`);
  }
  const group = Math.max(...groups!);
  if (group > plan.mostGroup) fail(`the plan has room for groups of ${plan.mostGroup}, got ${group}`);
}
