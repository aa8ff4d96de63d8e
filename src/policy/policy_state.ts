import shader from "../../shaders/policy_state.wgsl" with { type: "text" };
import { requireDType } from "../ops/require_dtype.ts";
import { foldGrid } from "../tensor/device.ts";
import { requireRank, requireShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

const source = { name: "policy_state", text: shader };

/** What a policy may look at before a step of B paintings of a square grid of N cells. */
export interface ObservedCanvas {
  /** i32 `[B, N]`: 0 for painted cells. */
  readonly unpainted: Tensor;
  /**
   * f32 `[B, N, 3]`, of the frozen model at the cells that are not painted: largest probability, entropy over log V,
   * margin (largest less second probability). Not read at painted cells.
   */
  readonly signals: Tensor;
  /** f32 `[B, 2]`: steps done over T_max, and the steps that the painting should take over T_max. */
  readonly progress: Tensor;
}

/** What a policy looks at: `blind` is without the signals of the frozen model. */
export type StateForm = "confidence" | "blind";

/** Numbers of a cell in a {@link PolicyState}. */
export const cellFeatures = 5;
/** Numbers of a canvas in a {@link PolicyState}. */
export const canvasFeatures = 12;

/** The state of B paintings before a step, as the networks of a policy take it. */
export interface PolicyState {
  /**
   * `[B, N, 5]`: 1 where painted; Euclidean distance to the nearest painted cell, between centres, over the width of the
   * grid (1 where nothing is painted); the three signals.
   */
  readonly cells: Tensor;
  /**
   * `[B, 12]`: steps done over T_max, steps wanted over T_max, share of cells painted, share that remains, and the
   * painted share of each of 2 x 4 blocks of the grid, row by row. Grids narrower than 4 have blocks without cells: 0.
   */
  readonly canvas: Tensor;
}

/**
 * The state that a policy decides by, in two kernels without a readback. No gradient.
 *
 * @param form with `blind` the signals are 0 in the state, and any tensor may stand in their place.
 * @throws {RangeError} for shapes or types that do not fit, and cells that make no square.
 */
export function policyState({ unpainted, signals, progress }: ObservedCanvas, form: StateForm): PolicyState {
  const { device } = unpainted;
  requireDType("policy_state", "unpainted", unpainted, "i32");
  requireRank("policy_state", "unpainted", unpainted.shape, 2);
  const [batch, count] = unpainted.shape as [number, number], width = Math.sqrt(count);
  if (!Number.isInteger(width)) {
    throw new RangeError(`Cannot apply policy_state: the number of cells must be a square, got ${count}`);
  }
  requireDType("policy_state", "progress", progress, "f32");
  requireShape("policy_state", "progress", progress.shape, [batch, 2]);
  if (form === "confidence") {
    requireDType("policy_state", "signals", signals, "f32");
    requireShape("policy_state", "signals", signals.shape, [batch, count, 3]);
  }
  const params = { batch, width };
  const near = device.empty([batch, count], "u32", "policy_state");
  const painted = device.empty([batch, width, 4], "u32", "policy_state");
  device.launch(source, "rows", {
    read: [unpainted],
    write: [near, painted],
    params,
    grid: foldGrid(Math.ceil(batch * width / 64)),
  });
  const cells = device.empty([batch, count, cellFeatures], "f32", "policy_state");
  const canvas = device.empty([batch, canvasFeatures], "f32", "policy_state");
  device.launch(source, "features", {
    read: [unpainted, form === "blind" ? unpainted : signals, progress, near, painted],
    write: [cells, canvas],
    params,
    overrides: { BLIND: form === "blind" ? 1 : 0 },
    grid: foldGrid(Math.ceil((batch * count + batch) / 64)),
    cost: { bytes: 4 * batch * count * (width + 9) },
  });
  return { cells, canvas };
}
