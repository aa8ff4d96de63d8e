import { Embedding } from "../nn/embedding.ts";
import type { Initializer } from "../nn/init.ts";
import type { Module, WeightSource } from "../nn/module.ts";
import { concat } from "../ops/concat.ts";
import type { Device } from "../tensor/device.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * A table of vectors that may be larger than what an adapter binds at once: its columns stand in as many tables as it
 * takes. The tokens of CLIP's ViT-L/14 have 145 MiB, software adapters bind 128.
 */
export class SplitEmbedding implements Module {
  /** `[V, C_i]` each: side by side they are the table. */
  readonly parts: readonly Embedding[];

  /**
   * First values normal with the given deviation.
   *
   * @param mostBytes of a part; default, what the adapter binds.
   */
  constructor(
    init: Initializer,
    vocab: number,
    channels: number,
    deviation: number,
    mostBytes: number = bindable(init.device),
  ) {
    const most = Math.max(4, 4 * Math.floor(mostBytes / (16 * vocab))); // columns by four: kernels take four at once
    const columns = Array.from(
      { length: Math.ceil(channels / most) },
      (_, part) => Math.min(most, channels - part * most),
    );
    this.parts = columns.map((count) => new Embedding(init, vocab, count, deviation));
  }

  /** i32 ids `[..]` to `[.., C]`, see the op `embedding`. */
  forward(ids: Tensor): Tensor {
    const rows = this.parts.map((part) => part.forward(ids));
    return rows.length === 1 ? rows[0]! : concat(rows, -1);
  }

  /** `weight`; where the columns are split, `weight.0`, `weight.1` and so on. */
  parameters(): Map<string, Tensor> {
    const { parts } = this;
    return new Map(parts.map(({ weight }, i) => [parts.length === 1 ? "weight" : `weight.${i}`, weight]));
  }
}

function bindable(device: Device): number {
  const { maxStorageBufferBindingSize, maxBufferSize } = device.gpu.adapter.device.limits;
  return Math.min(maxStorageBufferBindingSize, maxBufferSize);
}

/** The table and the number of a part in the name of a {@link SplitEmbedding}'s parameter. */
const partName = /^(.*\.weight)\.(\d+)$/;

/** A file of whole tables for a model whose parameters may be parts of them. */
export function splitTables(source: WeightSource, parameters: ReadonlyMap<string, Tensor>): WeightSource {
  const entries = new Map(source.entries), parts = new Map<string, { table: string; from: number; to: number }>();
  const ends = new Map<string, number>();
  for (const [name, { shape }] of parameters) {
    const table = partName.exec(name)?.[1], entry = table && source.entries.get(table);
    if (!table || !entry) continue;
    const from = ends.get(table) ?? 0, to = from + shape[1]!;
    ends.set(table, to);
    parts.set(name, { table, from, to });
    entries.set(name, { dtype: entry.dtype, shape });
    entries.delete(table);
  }
  const read = async (name: string): Promise<HostTensor> => {
    const part = parts.get(name);
    if (!part) return await source.read(name);
    const { data, shape: [rows, columns] } = await source.read(part.table) as {
      data: Float32Array;
      shape: [number, number];
    };
    const { from, to } = part, width = to - from, taken = new Float32Array(rows * width);
    for (let r = 0; r < rows; r++) taken.set(data.subarray(r * columns + from, r * columns + to), r * width);
    return { shape: [rows, width], data: taken };
  };
  return { entries, read };
}

/** The whole tables of weights among which some are parts: what {@link splitTables} took apart. */
export function joinTables(weights: ReadonlyMap<string, HostTensor>): Map<string, HostTensor> {
  const joined = new Map<string, HostTensor>();
  for (const [name, part] of weights) {
    const table = partName.exec(name)?.[1], before = table && joined.get(table);
    joined.set(table ?? name, before ? besides(before, part) : part);
  }
  return joined;
}

/** `[V, A]` and `[V, B]` to `[V, A + B]`. */
function besides(left: HostTensor, right: HostTensor): HostTensor {
  const [rows, a] = left.shape as [number, number], b = right.shape[1]!, data = new Float32Array(rows * (a + b));
  for (let r = 0; r < rows; r++) {
    data.set(left.data.subarray(r * a, (r + 1) * a), r * (a + b));
    data.set(right.data.subarray(r * b, (r + 1) * b), r * (a + b) + a);
  }
  return { shape: [rows, a + b], data };
}
