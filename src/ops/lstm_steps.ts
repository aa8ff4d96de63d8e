import shader from "../../shaders/lstm.wgsl" with { type: "text" };
import blockShader from "../../shaders/lstm_block.wgsl" with { type: "text" };
import type { Device } from "../tensor/device.ts";
import { sum } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { LstmInputs, LstmRun, LstmSizes } from "./lstm_sizes.ts";
import { blockSuits } from "./matmul_block.ts";
import { product, sumRows } from "./matmul_product.ts";

const source = { name: "lstm", text: shader };
const blockSource = { name: "lstm_block", text: blockShader };

/**
 * The layer on any adapter and for any size: the inputs' product for all steps at once, then a launch a step, in tiles
 * where the table says so.
 */
export function stepLayer(device: Device, inputs: LstmInputs, sizes: LstmSizes): LstmRun {
  const [x, wIh, wHh, bIh, bHh, h0, c0] = inputs;
  const { b, steps, input, h } = sizes;
  const empty = (...shape: number[]) => device.empty(shape, "f32", "lstm");
  const all = { layout: "nt", batch: 1, m: b * steps, n: 4 * h, k: input, sharedW: true } as const;
  const tiles = blockSuits(device, { ...all, m: b, k: h });
  const grid = tiles ? [Math.ceil(h / 16), Math.ceil(b / 16)] as const : [Math.ceil(h / 32), b] as const;
  const cost = { flops: 8 * b * h * h, bytes: 4 * (4 * h * h + 15 * b * h) };
  const xg = empty(b, steps, 4 * h);
  product(device, all, x, wIh, xg, sum(bIh, bHh));
  const save = device.gradEnabled;
  const y = empty(b, steps, h), cs = empty(b, steps, h);
  const gates = save ? empty(b, steps, 4 * h) : empty(1);
  const hiddenBefore = save ? empty(b, steps, h) : empty(1);
  const states = [0, 1].map(() => ({ h: empty(b, h), c: empty(b, h) }));
  let before = { h: h0, c: c0 };
  for (let t = 0; t < steps; t++) {
    const after = states[t % 2]!;
    device.launch(tiles ? blockSource : source, tiles ? "block_step" : "step", {
      read: [xg, wHh, before.h, before.c],
      write: [after.h, after.c, y, gates, cs, hiddenBefore],
      params: { b, t, steps, h },
      overrides: { SAVE: save ? 1 : 0 },
      grid,
      cost,
    });
    before = after;
  }
  const last = steps === 1 ? cs.view([b, h]) : takeStep(cs, steps - 1);

  function backward([dyGiven, dc]: readonly (Tensor | null)[], wanted: readonly boolean[]): (Tensor | null)[] {
    const [wantX, wantWIh, wantWHh, wantBIh, wantBHh, wantH0, wantC0] = wanted;
    const dy = dyGiven ?? device.zeros([b, steps, h]);
    const dz = empty(b, steps, 4 * h);
    const states = [0, 1].map(() => ({ dz: empty(b, 4 * h), dc: empty(b, h) }));
    let after = { dz: device.zeros([b, 4 * h]), dc: dc ?? device.zeros([b, h]) };
    for (let t = steps - 1; t >= 0; t--) {
      const state = states[t % 2]!;
      device.launch(tiles ? blockSource : source, tiles ? "block_backward_step" : "backward_step", {
        read: [gates, cs, c0, dy, wHh, after.dz, after.dc],
        write: [state.dz, state.dc, dz],
        params: { b, t, steps, h },
        grid,
        cost,
      });
      after = state;
    }
    const rows = b * steps, shared = { batch: 1, sharedW: true };
    const dx = wantX ? device.empty(x.shape) : null;
    const dWIh = wantWIh ? device.empty(wIh.shape) : null;
    const dWHh = wantWHh ? device.empty(wHh.shape) : null;
    const dh0 = wantH0 ? empty(b, h) : null;
    if (dx) product(device, { layout: "nn", m: rows, n: input, k: 4 * h, ...shared }, dz, wIh, dx);
    if (dWIh) product(device, { layout: "tn", m: 4 * h, n: input, k: rows, ...shared }, dz, x, dWIh);
    if (dWHh) product(device, { layout: "tn", m: 4 * h, n: h, k: rows, ...shared }, dz, hiddenBefore, dWHh);
    if (dh0) product(device, { layout: "nn", m: b, n: h, k: 4 * h, ...shared }, after.dz, wHh, dh0);
    const dBias = wantBIh || wantBHh ? sumRows(device, dz, rows, 4 * h) : null;
    return [dx, dWIh, dWHh, wantBIh ? dBias : null, wantBHh ? dBias : null, dh0, wantC0 ? after.dc : null];
  }
  return { y, last, backward };
}

/** `[B, T, C] -> [B, C]`, the elements of step `t`. */
function takeStep(sequence: Tensor, t: number): Tensor {
  const [b, steps, h] = sequence.shape as [number, number, number];
  const out = sequence.device.empty([b, h]);
  sequence.device.launch(source, "take_step", {
    read: [sequence],
    write: [out],
    params: { b, t, steps, h },
    grid: [Math.ceil(h / 64), b],
  });
  return out;
}
