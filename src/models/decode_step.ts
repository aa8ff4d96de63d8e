import attentionShader from "../../shaders/decode_attention.wgsl" with { type: "text" };
import embedShader from "../../shaders/decode_embed.wgsl" with { type: "text" };
import planShader from "../../shaders/decode_plan.wgsl" with { type: "text" };
import sampleShader from "../../shaders/decode_sample.wgsl" with { type: "text" };
import type { Scalar } from "../gpu/params.ts";
import { runOn } from "../ops/op.ts";
import { groupPerRow, rowsPerGroup } from "../ops/row_kernels.ts";
import { drawCategorical, sampleCategoricalOp, segmentsOf } from "../ops/sample_categorical.ts";
import type { Device } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { DecodeGrids, type RowCount, rowCounts } from "./decode_grids.ts";
import type { FrozenArpg, FrozenBlock } from "./frozen_arpg.ts";
import { padded } from "./frozen_weights.ts";
import { PackedProducts } from "./packed_products.ts";

const planSource = { name: "decode_plan", text: planShader };
const embedSource = { name: "decode_embed", text: embedShader };
const attentionSource = { name: "decode_attention", text: attentionShader };
const sampleSource = { name: "decode_sample", text: sampleShader };

/** Classifier-free guidance, `uncond + s (cond - uncond)`. */
export interface Guidance {
  /** s, or where it ends; 1 needs no second pass. */
  readonly scale: number;
  /** `constant`, or `linear`: s rises from 1 with the share of painted cells. */
  readonly form: "constant" | "linear";
}

/** How tokens are drawn. */
export interface Sampling {
  /** Divides the logits; 0 takes the likeliest token. */
  readonly temperature: number;
  /** Keep the k largest logits. */
  readonly topK?: number;
  /** Keep the nucleus of probability p. */
  readonly topP?: number;
}

/** Most rows of one sample in a step. */
export interface StepRows {
  readonly content: number;
  readonly queries: number;
}

/** What a {@link DecodeStep} needs to know. */
interface DecodeStepOptions extends Sampling {
  /** B. */
  readonly batch: number;
  readonly guidance?: Guidance;
  /** Whether steps ask for all unpainted cells, of which some are then chosen. */
  readonly probing?: boolean;
  /** Whether to note the log-probability of every token that is drawn. */
  readonly logProbs?: boolean;
}

/** Host values of a batch. */
interface BatchValues {
  readonly classes: Int32Array;
  readonly order: Int32Array;
  readonly samples: Int32Array;
  readonly groups: Int32Array;
  readonly known: Int32Array;
}

/** The device memory of a decoding and the launches of its steps; layouts: shaders/decode_plan.wgsl. */
export class DecodeStep {
  readonly grids: DecodeGrids;
  /** i32 `[B, N]`. */
  readonly tokens: Tensor;
  /** i32 `[B, N]`. */
  readonly painted: Tensor;
  /** `[B, N]`; null where they are not asked for. */
  readonly logProbs: Tensor | null;
  /** i32 `[rows, 4]`: stream, place in the order, cell, slots to see. */
  readonly queries: Tensor;
  readonly #device: Device;
  readonly #streams: number;
  readonly #guided: boolean;
  readonly #all: Tensor[] = [];
  /** u32 `[B, 2]` and `[B, 4]`. */
  readonly state: Tensor;
  readonly starts: Tensor;
  /** i32 `[B, N]`: what even and odd steps go by; the same where the order does not change. */
  readonly orders: readonly [Tensor, Tensor];
  readonly #inputs: Record<"classes" | "samples" | "groups", Tensor>;
  readonly #content: Tensor;
  readonly #rowKeys: Tensor;
  readonly #products: PackedProducts;
  readonly #caches: readonly { readonly k: Tensor; readonly v: Tensor }[];
  readonly #x: readonly [Tensor, Tensor];
  readonly #q: Tensor;
  readonly #o: Tensor;
  readonly #hidden: Tensor;

  constructor(
    private readonly model: FrozenArpg,
    private readonly options: DecodeStepOptions,
    private readonly rows: readonly StepRows[],
    ragged: boolean,
    private readonly seed: Scalar,
  ) {
    const { device, config: { dim, cells }, sizes: { half, ffn } } = model;
    const { batch, guidance, probing = false } = options;
    this.#device = device;
    this.#guided = guidance !== undefined && guidance.scale !== 1;
    const streams = this.#streams = this.#guided ? 2 * batch : batch;
    const content = streams * Math.max(...rows.map((step) => step.content));
    const queries = streams * Math.max(...rows.map((step) => step.queries));
    const most = Math.max(content, queries);
    if (most > 65535) {
      throw new RangeError(`Cannot decode ${batch} samples at once: a step may have 65535 rows, got ${most}`);
    }
    const keep = (tensor: Tensor) => {
      this.#all.push(tensor);
      return tensor;
    };
    const ids = (...shape: number[]) => keep(device.zeros(shape, "i32"));
    const texture = (...shape: number[]) => keep(device.empty(shape, "f32", "decoding", "texture"));
    const cache = () =>
      keep(device.empty([streams, cells, dim], "f32", "cache", model.dtype === "float16" ? "half" : "texture"));
    this.grids = new DecodeGrids(device, ragged);
    this.#all.push(this.grids.counts, this.grids.table);
    this.tokens = ids(batch, cells);
    this.painted = ids(batch, cells);
    this.logProbs = options.logProbs ? keep(device.zeros([batch, cells])) : null;
    this.queries = ids(queries, 4);
    this.#content = ids(content, 4);
    this.#rowKeys = ids(queries);
    this.#inputs = { classes: ids(streams), samples: ids(batch), groups: ids(rows.length, batch) };
    const order = ids(batch, cells);
    this.orders = [order, probing ? ids(batch, cells) : order];
    this.state = keep(device.zeros([batch, 2], "u32"));
    this.starts = keep(device.zeros([batch, 4], "u32"));
    this.#caches = Array.from({ length: half + 1 }, () => ({ k: cache(), v: cache() }));
    this.#x = [texture(most, dim), texture(most, dim)];
    this.#q = texture(most, dim);
    this.#o = texture(most, dim);
    this.#hidden = texture(most, padded(ffn, 4));
    this.#products = new PackedProducts(model, this.grids, keep);
  }

  /** Uploads a batch. */
  write({ classes, order, samples, groups, known }: BatchValues): void {
    const { batch } = this.options;
    const { classBase, noClass } = this.model.sizes;
    const ids = Int32Array.from(
      { length: this.#streams },
      (_, s) => s < batch && classes[s]! >= 0 ? classBase + classes[s]! : noClass,
    );
    this.#inputs.classes.write(ids);
    this.orders[0].write(order);
    this.#inputs.samples.write(samples);
    this.#inputs.groups.write(groups);
    this.state.write(Uint32Array.from({ length: 2 * batch }, (_, i) => i % 2 ? 0 : known[i / 2]!));
  }

  /** Records step t: plan, first pass over its content, second pass over its queries. Returns their logits. */
  logits(t: number): Tensor {
    const { model: { selfDec, crossDec, keys } } = this;
    const content = this.#streams * this.rows[t]!.content, queries = this.#streams * this.rows[t]!.queries;
    this.#plan(t);
    this.#embed("content", content, this.#content);
    selfDec.forEach((block, l) => this.#block("content", content, this.#content, block, this.#caches[l]!, true));
    const shared = this.#caches.at(-1)!;
    this.#products.heads("content", content, this.#content, this.#x[0], keys, { ...shared, section: 1 });
    this.#embed("queries", queries, this.queries);
    for (const block of crossDec) this.#block("queries", queries, this.queries, block, shared, false);
    return this.#products.logits("queries", queries, this.#x[0]);
  }

  /** Gives the memory back. */
  dispose(): void {
    for (const tensor of this.#all) tensor.dispose();
  }

  #plan(step: number): void {
    const { batch } = this.options;
    const { counts, table, planned } = this.grids;
    const { state, starts } = this;
    const { groups, samples } = this.#inputs;
    const order = this.orders[step % 2]!;
    const params = { batch, streams: this.#streams, cells: this.model.config.cells, step, grids: planned };
    this.#device.launch(planSource, "plan", {
      read: [groups, table],
      write: [state, starts, counts],
      params,
      grid: [1],
    });
    this.#device.launch(planSource, "fill", {
      read: [state, starts, counts, order, samples],
      write: [this.#content, this.queries, this.#rowKeys],
      params,
      grid: [Math.ceil(this.#streams / 64)],
    });
  }

  #embed(count: RowCount, most: number, rows: Tensor): void {
    const { embeddings, positions, config: { dim, cells, position }, sizes } = this.model;
    this.#device.launch(embedSource, "forward", {
      read: [embeddings, positions, this.grids.counts, rows, this.tokens, this.#inputs.classes],
      write: [this.#x[0]],
      params: {
        rows: rowCounts[count],
        channels4: dim / 4,
        batch: this.options.batch,
        cells,
        mask_id: sizes.mask,
      },
      overrides: { POSITIONS: position === "learned" ? 1 : 0, QUERIES: count === "queries" ? 1 : 0 },
      grid: this.grids.grid(count, most, 1, Math.ceil(dim / 32)),
    });
  }

  /** A layer over the rows in `x[0]`, which it leaves there. */
  #block(
    count: RowCount,
    most: number,
    rows: Tensor,
    block: FrozenBlock,
    cache: { readonly k: Tensor; readonly v: Tensor },
    ownKeys: boolean,
  ): void {
    const products = this.#products;
    const [x, y] = this.#x;
    products.heads(count, most, rows, x, block.heads, { q: this.#q, ...(ownKeys ? cache : {}), section: 0 });
    this.#attend(count, most, rows, cache);
    products.residual(count, most, this.#o, block.proj, x, y);
    products.gated(count, most, y, block.gated, this.#hidden);
    products.residual(count, most, this.#hidden, block.down, y, x);
  }

  #attend(count: RowCount, most: number, rows: Tensor, { k, v }: { readonly k: Tensor; readonly v: Tensor }): void {
    const { config: { heads, cells }, sizes: { headSize } } = this.model;
    const per = Math.max(1, Math.floor(8 / heads)); // rows of a workgroup of 8 lanes
    this.#device.launch(attentionSource, "forward", {
      read: [this.#q, k, v, this.grids.counts, rows],
      write: [this.#o],
      params: { rows: rowCounts[count], per, heads, slots: cells, scale: 1 / Math.sqrt(headSize) },
      overrides: { D4: headSize / 4 },
      grid: this.grids.grid(count, most, per, Math.ceil(per * heads / 8)),
    });
  }

  /** Logits of the cells with a class, guided away from those without. */
  guide(step: number, logits: Tensor): Tensor {
    if (!this.#guided) return logits;
    const { scale, form } = this.options.guidance!;
    const most = this.#cells(step), cols = this.model.head.out;
    const guided = this.#device.empty([most, cols]);
    this.#device.launch(sampleSource, "guide", {
      read: [logits, this.grids.counts, this.queries, this.state],
      write: [guided],
      params: { cols4: cols / 4, cells: this.model.config.cells, step, scale },
      overrides: { LINEAR: form === "linear" ? 1 : 0 },
      grid: this.grids.grid("half", most, 1, Math.ceil(cols / 32)),
    });
    return guided;
  }

  /** Most cells that step t asks for. */
  #cells(step: number): number {
    return this.options.batch * this.rows[step]!.queries;
  }

  /** Records the end of step t: draws tokens from guided logits and writes them. */
  draw(step: number, guided: Tensor): void {
    const { config: { cells }, head } = this.model;
    const most = this.#cells(step), cols = head.out;
    const segments = segmentsOf(cols);
    const run = runOn(this.#device, sampleCategoricalOp.shader);
    const key = { seed: this.seed, stream: tokenStream, step: 0, purpose: 0 };
    const ids = drawCategorical(run, guided, this.#rowKeys, { ...this.options, key }, {
      rows: most,
      cols,
      byRow: this.grids.grid("half", most, rowsPerGroup, 1),
      byFloor: this.grids.grid("half", most, groupPerRow(this.#device) ? 1 : rowsPerGroup, 1),
      bySegment: this.grids.grid("half", most, Math.max(1, Math.floor(32 / segments)), Math.ceil(segments / 32)),
    });
    this.#device.launch(sampleSource, "settle", {
      read: [ids, this.grids.counts, this.queries],
      write: [this.tokens, this.painted],
      params: { cols4: cols / 4, cells, step, scale: 1 },
      overrides: { CHOSEN: this.options.probing ? 1 : 0 },
      grid: this.grids.grid("half", most, 8, 1),
    });
    const { temperature } = this.options;
    if (!this.logProbs || temperature === 0) return; // the likeliest token has log-probability 0
    this.#device.launch(sampleSource, "surprise", {
      read: [guided, this.grids.counts, this.queries, ids, this.painted],
      write: [this.logProbs],
      params: { cols4: cols / 4, cells, step, scale: 1 / temperature },
      grid: this.grids.grid("half", most, 8, 1),
    });
  }
}

/** Philox stream of the tokens' noise: the row key is `sample cells + cell`, word and block are the token's. */
const tokenStream = 0x746f;
