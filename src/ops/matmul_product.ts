import shader from "../../shaders/matmul.wgsl" with { type: "text" };
import subgroupShader from "../../shaders/matmul_subgroup.wgsl" with { type: "text" };
import { type Device, foldGrid } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { blockProduct, blockSuits } from "./matmul_block.ts";
import { permute } from "./permute.ts";

const source = { name: "matmul", text: shader };
const subgroupSource = { name: "matmul_subgroup", text: subgroupShader };

/** Activations that the matmul applies to its sums; each has a derivative in terms of its own output. */
export type Epilogue = "none" | "relu" | "tanh" | "sigmoid";
export const epilogues: readonly Epilogue[] = ["none", "relu", "tanh", "sigmoid"];

/** How the operands are stored: `a [M, K] w [K, N]`, `a [M, K] w [N, K]` or `a [K, M] w [K, N]`. */
export type Layout = "nn" | "nt" | "tn";

/** One product: sizes, layout and distances in elements between the matrices of a batch. */
export interface Product {
  readonly layout: Layout;
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly sharedW: boolean;
}

/** Longest sum of one launch: four elements a turn in the tiles, one in the naive kernel, 65,535 turns at most. */
const kChunk = 65_532;

/** Work below which copying the operands to textures costs more than the tiles gain. */
const laneFlops = 2e5;
/** Rows from which transposing w first pays: lane_nn is faster than lane_nt, but transposing takes plain loads. */
const transposeRows = 1024;
const mostGroups = 65535;
/** Rows that the smallest tiles cover with the most workgroups a grid has in one dimension. */
const mostTiledRows = 8 * mostGroups;

/** The params of the shader's entry points that sum no products. */
export const noSum = {
  k_start: 0,
  k_end: 0,
  a_batch: 0,
  w_batch: 0,
  a_row: 0,
  a_k: 0,
  w_k: 0,
  w_col: 0,
  k: 0,
  batch: 1,
};

/**
 * Launches one product into `out`. Operands may be textures already, so that several products share one copy; then
 * sizes must suit the tiles.
 */
export function product(
  device: Device,
  p: Product,
  a: Tensor,
  w: Tensor,
  out: Tensor,
  bias: Tensor | null = null,
  epilogue: Epilogue = "none",
): void {
  const { batch, m, n, k } = p;
  let { layout } = p;
  if (blockSuits(device, p)) {
    blockProduct(device, p, a, w, out, bias, epilogues.indexOf(epilogue));
    return;
  }
  const frozen = [a, w].some(isTexture);
  const suits = hasTiles(device, [n, k, ...(layout === "tn" ? [m] : [])]) && m <= mostTiledRows && batch <= mostGroups;
  const lane = frozen || (2 * batch * m * n * k >= laneFlops && suits);
  const operands = lane ? [inTexture(a)] : [a, w];
  if (lane && layout === "nt" && batch === 1 && m >= transposeRows && !isTexture(w)) {
    layout = "nn";
    operands.push(transposeInTexture(w.view([n, k])));
  } else if (lane) operands.push(inTexture(w));
  const tile = { TM: m > 8 ? 16 : 8, TN: n >= 64 ? 2 : 1 };
  const strides = layout === "tn" ? { a_row: 1, a_k: m } : { a_row: k, a_k: 1 };
  const columns = layout === "nt" ? { w_k: 1, w_col: k } : { w_k: n, w_col: 1 };
  for (let start = 0; start < k; start += kChunk) {
    const end = Math.min(k, start + kChunk);
    const last = end === k;
    const overrides = {
      BIAS: last && bias ? 1 : 0,
      ACT: last ? epilogues.indexOf(epilogue) : 0,
      ADD: start > 0 ? 1 : 0,
      ...(lane ? tile : {}),
    };
    device.launch(lane ? subgroupSource : source, lane ? `lane_${layout}` : "naive", {
      read: [...operands, bias ?? device.empty([4])],
      write: [out],
      params: {
        m,
        n,
        k_start: start,
        k_end: end,
        a_batch: m * k,
        w_batch: p.sharedW ? 0 : k * n,
        ...strides,
        ...columns,
        k,
        batch,
      },
      overrides,
      grid: lane
        ? [Math.ceil(n / (32 * tile.TN)), Math.ceil(m / tile.TM), batch]
        : foldGrid(Math.ceil(batch * m * n / 32)),
      cost: { flops: 2 * batch * m * n * (end - start), bytes: 4 * batch * (m * k + k * n + m * n) },
    });
  }
}

/** A matrix transposed, in a texture: neighbouring lanes then load neighbouring texels. Outside the tape. */
export function transposeInTexture(w: Tensor): Tensor {
  return w.device.noGrad(() => w.device.texture(permute(w, [1, 0])));
}

/** A tensor for kernels that read textures: itself where it is one. */
export function inTexture(tensor: Tensor): Tensor {
  return isTexture(tensor) ? tensor : tensor.device.texture(tensor);
}

/** Of float32 or float16: kernels load float32 from either. */
function isTexture(tensor: Tensor): boolean {
  return tensor.storage.pooled.kind !== "buffer";
}

/** True where the tiles for textures run: where the table says so, and sizes are divisible by 4. */
export function hasTiles(device: Device, sizes: readonly number[]): boolean {
  return device.gpu.table.matmul === "lane" && sizes.every((size) => size % 4 === 0);
}

/** Column sums of `[rows, n]`: a product with a row of ones where there are tiles, else in levels of 128 rows. */
export function sumRows(device: Device, x: Tensor, rows: number, n: number): Tensor {
  if (n * rows >= laneFlops && hasTiles(device, [rows, n])) {
    const out = device.empty([1, n]);
    product(
      device,
      { layout: "nn", batch: 1, m: 1, n, k: rows, sharedW: true },
      device.full([1, rows], 1),
      x,
      out,
    );
    return out.view([n]);
  }
  let [from, m] = [x, rows];
  do {
    const chunks = Math.ceil(m / 128);
    const to = device.empty([chunks, n]);
    device.launch(source, "sum_rows", {
      read: [from],
      write: [to],
      params: { m, n, ...noSum },
      grid: [Math.ceil(n / 32), chunks],
    });
    [from, m] = [to, chunks];
  } while (m > 1);
  return from.view([n]);
}
