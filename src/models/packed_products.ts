import shader from "../../shaders/packed_matmul.wgsl" with { type: "text" };
import blockShader from "../../shaders/packed_matmul_block.wgsl" with { type: "text" };
import subgroupShader from "../../shaders/packed_matmul_subgroup.wgsl" with { type: "text" };
import type { Tensor } from "../tensor/tensor.ts";
import { type DecodeGrids, type RowCount, rowCounts } from "./decode_grids.ts";
import type { FrozenArpg } from "./frozen_arpg.ts";
import type { PackedWeight } from "./frozen_weights.ts";

const sources = {
  plain: { name: "packed_matmul", text: shader },
  lane: { name: "packed_matmul_subgroup", text: subgroupShader },
  block: { name: "packed_matmul_block", text: blockShader },
};

/** Added to the mean square of a row by the norms of the published models. */
const eps = 1e-5;

/** Where `heads` writes; what is missing is not computed. */
export interface HeadTargets {
  readonly q?: Tensor;
  readonly k?: Tensor;
  readonly v?: Tensor;
  /** The first section of the weight's columns: 0 queries, 1 keys. */
  readonly section: 0 | 1;
}

/** The products of a decoding step with their epilogues; layouts: shaders/packed_matmul.wgsl. */
export class PackedProducts {
  readonly #spare: readonly Tensor[];

  /** @param keep takes memory that lives as long as the decoding. */
  constructor(
    private readonly model: FrozenArpg,
    private readonly grids: DecodeGrids,
    keep: (tensor: Tensor) => Tensor,
  ) {
    const { device, dtype } = model;
    const kind = dtype === "float16" ? "half" : "texture";
    // Stand-ins for targets that a launch does not have: kernels bind all three, in the formats of the caches.
    this.#spare = (["texture", kind, kind] as const).map((each) => keep(device.empty([1, 4], "f32", "spare", each)));
  }

  /** Queries, keys and values of normed rows, turned at their cells. */
  heads(count: RowCount, most: number, rows: Tensor, a: Tensor, w: PackedWeight, targets: HeadTargets): void {
    const [q, k, v] = this.#spare as [Tensor, Tensor, Tensor];
    this.#launch("heads", count, most, a, w, {
      read: [rows, this.model.rotary],
      write: [targets.q ?? q, targets.k ?? k, targets.v ?? v],
      norm: true,
      first: targets.section,
    });
  }

  /** `y = x + a w`. */
  residual(count: RowCount, most: number, a: Tensor, w: PackedWeight, x: Tensor, y: Tensor): void {
    this.#launch("residual", count, most, a, w, { read: [x], write: [y], norm: false });
  }

  /** SwiGLU of normed rows. */
  gated(count: RowCount, most: number, a: Tensor, w: PackedWeight, hidden: Tensor): void {
    const section4 = hidden.shape[1]! / 4;
    this.#launch("gated", count, most, a, w, { read: [], write: [hidden], norm: true, section4 });
  }

  /** Logits `[most, V]` of normed rows. */
  logits(count: RowCount, most: number, a: Tensor): Tensor {
    const { device, head, config: { vocab } } = this.model;
    const logits = device.empty([most, head.out]);
    this.#launch("vocabulary", count, most, a, head, { read: [], write: [logits], norm: true, first: vocab });
    return logits;
  }

  #launch(
    entry: string,
    count: RowCount,
    most: number,
    a: Tensor,
    w: PackedWeight,
    { read, write, norm, first = 0, section4 = this.model.config.dim / 4 }: {
      readonly read: readonly Tensor[];
      readonly write: readonly Tensor[];
      readonly norm: boolean;
      readonly first?: number;
      readonly section4?: number;
    },
  ): void {
    const { device, config: { cells }, sizes: { headSize } } = this.model;
    const family = device.gpu.table.packedMatmul;
    // Tiles of 16 rows take 27-50 GFLOP/s at 64 rows of K = 256, tiles of 8 24-31 (llvmpipe on 2 busy cores).
    const TM = { plain: 8, lane: most > 8 ? 16 : 8, block: most > 32 ? 4 : 2 }[family];
    const rowsPerGroup = family === "block" ? 16 * TM : TM;
    device.launch(sources[family], entry, {
      read: [a, w.texture, this.grids.counts, ...read],
      write,
      params: {
        rows: rowCounts[count],
        k4: w.in / 4,
        n4: w.out / 4,
        section4,
        first,
        slots: cells,
        head4: headSize / 4,
        eps,
      },
      overrides: { NORM: norm ? 1 : 0, TM },
      grid: this.grids.grid(count, most, rowsPerGroup, Math.ceil(w.out / 64)),
      cost: { flops: 2 * most * w.in * w.out },
    });
  }
}
