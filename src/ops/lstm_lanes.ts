import shader from "../../shaders/lstm_subgroup.wgsl" with { type: "text" };
import type { Device } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { LstmInputs, LstmRun, LstmSizes } from "./lstm_sizes.ts";
import { inTexture, product } from "./matmul_product.ts";

const source = { name: "lstm_subgroup", text: shader };

/** Rows of one launch of a sum over rows: a quarter of what 65,535 turns allow, for shorter sums lose less to rounding. */
const mostRows = 65_532;

/** The params of the entry points that have no use for them. */
const unused = { t: 0, input: 0, has_dy: 0, has_dc: 0, n: 0, start: 0, end: 0 };

/** What backward needs; all but `last` in textures. */
interface Saved {
  readonly x: Tensor;
  readonly wIh: Tensor;
  readonly wHh: Tensor;
  readonly c0: Tensor;
  readonly gates: Tensor;
  /** The cell states of all steps; those of one step are `last`. */
  readonly cs: Tensor;
  /** The hidden states before every step. */
  readonly before: Tensor;
  readonly last: Tensor;
}

/** The layer in lanes, sizes divisible by 4: a launch a step, which sums both products and runs the cell. */
export function laneLayer(device: Device, inputs: LstmInputs, sizes: LstmSizes): LstmRun {
  const { b, steps, input, h } = sizes;
  const [, , , bIh, bHh] = inputs;
  const [x, wIh, wHh, h0, c0] = [0, 1, 2, 5, 6].map((i) => inTexture(inputs[i]!)) as LstmInputs;
  const texture = textures(device);
  const save = device.gradEnabled, saveSteps = save && steps > 1;
  const y = device.empty([b, steps, h], "f32", "lstm");
  const last = device.empty([b, h], "f32", "lstm");
  const gates = save ? texture(b, steps, 4 * h) : texture(4);
  const cs = saveSteps ? texture(b, steps, h) : texture(4);
  const before = saveSteps ? texture(b, steps, h) : texture(4);
  const states = [0, 1].map(() => ({ h: texture(b, h), c: texture(b, h) }));
  // Rows of the batch that a lane owns; fewer for small batches, so that no lane idles.
  const TB = b > 16 ? 4 : b > 8 ? 2 : 1;
  for (let t = 0; t < steps; t++) {
    const from = t ? states[(t + 1) % 2]! : { h: h0, c: c0 }, to = states[t % 2]!;
    device.launch(source, "lane_step", {
      read: [x, wIh, wHh, bIh, bHh, from.h, from.c],
      write: [to.h, to.c, y, last, gates, cs, before],
      params: { ...unused, b, t, steps, h, input },
      overrides: { SAVE: save ? 1 : 0, TB },
      grid: [h / 4, Math.ceil(b / (8 * TB))],
      cost: { flops: 8 * b * h * (input + h), bytes: 4 * (4 * h * (input + h) + b * (input + (save ? 10 : 5) * h)) },
    });
  }
  const saved = { x, wIh, wHh, c0, gates, cs, before: steps > 1 ? before : h0, last };
  return { y, last, backward: (grads, wanted) => laneBackward(device, sizes, saved, grads, wanted) };
}

function laneBackward(
  device: Device,
  { b, steps, input, h }: LstmSizes,
  { x, wIh, wHh, c0, gates, cs, before, last }: Saved,
  [dy, dc]: readonly (Tensor | null)[],
  [wantX, wantWIh, wantWHh, wantBIh, wantBHh, wantH0, wantC0]: readonly boolean[],
): (Tensor | null)[] {
  const empty = (...shape: number[]) => device.empty(shape, "f32", "lstm");
  const texture = textures(device);
  // All copies before the first launch, for copies end a pass.
  const csIn = steps > 1 ? cs : inTexture(last);
  const [dyIn, dcIn] = [dy && inTexture(dy), dc && inTexture(dc)];
  const dz = texture(b, steps, 4 * h);
  const dc0 = empty(b, h);
  const states = [0, 1].map(() => ({ dz: texture(b, 4 * h), dc: texture(b, h) }));
  for (let t = steps - 1; t >= 0; t--) {
    const after = states[(t + 1) % 2]!, state = states[t % 2]!;
    const atEnd = t === steps - 1, products = atEnd ? 0 : 4 * h * h;
    device.launch(source, "lane_backward_step", {
      read: [gates, csIn, c0, dyIn ?? c0, wHh, after.dz, atEnd && dcIn ? dcIn : after.dc],
      write: [state.dz, state.dc, dz, dc0],
      params: { ...unused, b, t, steps, h, has_dy: dy ? 1 : 0, has_dc: atEnd && !dc ? 0 : 1 },
      grid: [Math.ceil(h / 16), Math.ceil(b / 8)],
      cost: { flops: 2 * b * products, bytes: 4 * (products + (steps > 1 ? 20 : 13) * b * h) },
    });
  }
  const rows = b * steps;
  const shared = { layout: "nn", batch: 1, k: 4 * h, sharedW: true } as const;
  const dx = wantX ? empty(b, steps, input) : null;
  if (dx) product(device, { ...shared, m: rows, n: input }, dz, wIh, dx);
  const dh0 = wantH0 ? empty(b, h) : null;
  if (dh0) product(device, { ...shared, m: b, n: h }, steps > 1 ? states[0]!.dz : dz, wHh, dh0);
  const db = wantBIh || wantBHh ? empty(4 * h) : null;
  const dWIh = wantWIh || db ? empty(4 * h, input) : null;
  if (dWIh) weightGradient(dz, x, rows, dWIh, db);
  const dWHh = wantWHh ? empty(4 * h, h) : null;
  if (dWHh) weightGradient(dz, before, rows, dWHh, null);
  return [dx, wantWIh ? dWIh : null, dWHh, wantBIh ? db : null, wantBHh ? db : null, dh0, wantC0 ? dc0 : null];
}

/** `dw = dz^T u`, summed over the rows, and where wanted `db`, the column sums of dz. */
function weightGradient(dz: Tensor, u: Tensor, rows: number, dw: Tensor, db: Tensor | null): void {
  const { device, shape } = dw;
  const h = shape[0]! / 4, n = shape[1]!;
  const dbOut = db ?? device.empty([4], "f32", "lstm");
  for (let start = 0; start < rows; start += mostRows) {
    const end = Math.min(rows, start + mostRows);
    device.launch(source, "lane_weights", {
      read: [dz, u],
      write: [dw, dbOut],
      params: { ...unused, b: 0, steps: 0, h, n, start, end },
      overrides: { ADD: start ? 1 : 0, BIAS: db ? 1 : 0 },
      grid: [Math.ceil(n / 64), h / 4],
      cost: { flops: 8 * h * n * (end - start), bytes: 4 * ((end - start) * (4 * h + n) + 4 * h * n) },
    });
  }
}

function textures(device: Device): (...shape: number[]) => Tensor {
  return (...shape) => device.empty(shape, "f32", "lstm", "texture");
}
