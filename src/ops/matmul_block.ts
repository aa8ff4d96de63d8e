import shader from "../../shaders/matmul_block.wgsl" with { type: "text" };
import { type Device, foldGrid } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Product } from "./matmul_product.ts";

const source = { name: "matmul_block", text: shader };

/** Multiply-adds of one matrix below which most of a tile would be empty. */
const leastWork = 16 ** 3;
/** Workgroups that keep a large GPU busy; with fewer, tiles get smaller and sums are cut. */
const wantedWorkgroups = 256;
/** Shortest part of a sum that is worth its extra pass over the result. */
const leastPart = 128;
/** Longest part: software adapters end a lane's loops after 65,535 turns of at least 8 each. */
const mostPart = 2 ** 19;

/** Whether the tiles in workgroup memory make a product: where the table says so, unless it is tiny. */
export function blockSuits(device: Device, { m, n, k }: Product): boolean {
  return device.gpu.table.matmul.startsWith("block") && m * n * k >= leastWork;
}

/** Launches a product in tiles, as `product` of matmul_product.ts; `act` is the number of the epilogue. */
export function blockProduct(
  device: Device,
  p: Product,
  a: Tensor,
  w: Tensor,
  out: Tensor,
  bias: Tensor | null,
  act: number,
): void {
  const { layout, batch, m, n, k } = p;
  const tilesOf = (side: number) => batch * Math.ceil(m / side) * Math.ceil(n / side);
  const side = device.gpu.table.matmul === "block128" && tilesOf(128) >= wantedWorkgroups / 2 ? 128 : 64;
  const tiles = tilesOf(side);
  const room = Math.min(Math.floor(wantedWorkgroups / tiles), Math.floor(k / leastPart));
  const k_part = Math.ceil(k / Math.max(1, room, Math.ceil(k / mostPart)));
  const parts = Math.ceil(k / k_part);
  const partial = parts > 1 ? device.empty([parts, ...out.shape], "f32", "matmul") : out;
  const biasIn = bias ?? device.empty([1]);
  const params = { m, n, k, k_part, parts, batch, a_batch: m * k, w_batch: p.sharedW ? 0 : k * n };
  const applied = { BIAS: bias ? 1 : 0, ACT: act };
  device.launch(source, "block", {
    read: [a, w, biasIn],
    write: [partial],
    params,
    overrides: {
      ...(parts > 1 ? { BIAS: 0, ACT: 0 } : applied),
      A_T: layout === "tn" ? 1 : 0,
      W_T: layout === "nt" ? 1 : 0,
      T: side / 64,
    },
    grid: foldGrid(parts * tiles),
    cost: { flops: 2 * batch * m * n * k, bytes: 4 * batch * (m * k + k * n + m * n) },
  });
  if (parts === 1) return;
  device.launch(source, "finish", {
    read: [partial, biasIn],
    write: [out],
    params,
    overrides: applied,
    grid: foldGrid(Math.ceil(out.size / 64)),
    cost: { flops: out.size * parts, bytes: 4 * out.size * (parts + 1) },
  });
}
