import { checkWeights, type WeightSource } from "../nn/module.ts";
import { rotaryAngles2d } from "../ops/rotary_2d.ts";
import type { Device } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type ArpgConfig, arpgShapes, type ArpgSizes, arpgSizes } from "./arpg_config.ts";
import type { Arpg } from "./arpg.ts";
import { type FrozenDtype, type HostMatrix, type PackedWeight, packGated, packWeights } from "./frozen_weights.ts";
import { repackGated, repackWeights, rewriteTable } from "./refresh_weights.ts";

/** The weights of one layer, packed for its five launches. */
export interface FrozenBlock {
  /** Queries, and in the first pass keys and values beside them. */
  readonly heads: PackedWeight;
  /** After attention. */
  readonly proj: PackedWeight;
  /** `w1` and `w3` by turns. */
  readonly gated: PackedWeight;
  /** `w2`. */
  readonly down: PackedWeight;
}

/**
 * An ARPG for decoding: no gradients, weights in textures as the packed kernels want them, float16 where asked. The
 * gains of the norms are folded into the weights that follow them.
 *
 * A texture holds 4096 elements a row and every adapter grants 8192 rows: 128 MiB of float32, 64 MiB of float16. The
 * largest weights of the published models take, in either type, these rows (embeddings, head, `w1` beside `w3`):
 * ARPG-L 4347, 4096, 1408; ARPG-XL 5434, 5120, 2240; ARPG-XXL 6521, 6144, 3072. None has to be split.
 */
export class FrozenArpg {
  private constructor(
    readonly device: Device,
    readonly config: ArpgConfig,
    readonly sizes: ArpgSizes,
    readonly dtype: FrozenDtype,
    /** `[V + classes + 3, C]`. */
    readonly embeddings: Tensor,
    /** `[N, C]`, or the embeddings where positions are not learned. */
    readonly positions: Tensor,
    /** Of each cell two pairs of (cos, sin) a texel: `[N, D]`. */
    readonly rotary: Tensor,
    /** The first pass. */
    readonly selfDec: readonly FrozenBlock[],
    /** The second pass. */
    readonly crossDec: readonly FrozenBlock[],
    /** `to_k` and `to_v` of the first pass's output. */
    readonly keys: PackedWeight,
    /** To the logits. */
    readonly head: PackedWeight,
  ) {}

  /** Packs the present weights of a trainable model. */
  static async of(model: Arpg, dtype: FrozenDtype = "float32"): Promise<FrozenArpg> {
    const { device } = model.rotary;
    const parameters = model.parameters();
    const data = await device.read([...parameters.values()]);
    const values = new Map(
      [...parameters].map(([name, { shape }], i) => [name, { dtype: "F32", shape, data: data[i]! }]),
    );
    return await FrozenArpg.from(device, model.config, { entries: values, read: (name) => values.get(name)! }, dtype);
  }

  /**
   * Packs weights that come one after the other, so that no more than a layer is on the host at a time.
   *
   * @throws {UserError} before the first is read, where names are missing or unknown or shapes or types differ.
   */
  static async from(
    device: Device,
    config: ArpgConfig,
    source: WeightSource,
    dtype: FrozenDtype = "float32",
  ): Promise<FrozenArpg> {
    const sizes = arpgSizes(config);
    const shapes = arpgShapes(config);
    checkWeights(shapes, source.entries, { ignore: isBuffer });
    let pending = 0;
    const weight = async (name: string) => {
      if (pending > maxPendingBytes) {
        await device.idle();
        pending = 0;
      }
      const { data } = await source.read(`${name}.weight`);
      pending += data.byteLength;
      return data as Float32Array;
    };
    const matrix = async (name: string): Promise<HostMatrix> => {
      const [out, inner] = shapes.get(`${name}.weight`) as [number, number];
      return { data: await weight(name), out, in: inner };
    };
    const block = async (at: string, names: readonly string[]): Promise<FrozenBlock> => {
      const attnNorm = await weight(`${at}.attn_norm`), ffnNorm = await weight(`${at}.ffn_norm`);
      const heads = [];
      for (const name of names) heads.push(await matrix(`${at}.attn.${name}`));
      return {
        heads: packWeights(device, heads, dtype, attnNorm),
        proj: packWeights(device, [await matrix(`${at}.attn.proj`)], dtype),
        gated: packGated(device, await matrix(`${at}.ffn.w1`), await matrix(`${at}.ffn.w3`), dtype, ffnNorm),
        down: packWeights(device, [await matrix(`${at}.ffn.w2`)], dtype),
      };
    };
    const blocks = async (pass: string, names: readonly string[]) => {
      const made = [];
      for (let l = 0; l < sizes.half; l++) made.push(await block(`layers.${pass}.${l}`, names));
      return made;
    };
    const table = async (name: string) => {
      const kind = dtype === "float16" ? "half" : "texture";
      const data = await weight(name);
      return device.persistent(() => device.textureOf(data, shapes.get(`${name}.weight`)!, kind));
    };
    const embeddings = await table("embeddings");
    const keys = [await matrix("layers.to_k"), await matrix("layers.to_v")];
    return new FrozenArpg(
      device,
      config,
      sizes,
      dtype,
      embeddings,
      config.position === "learned" ? await table("positions") : embeddings,
      rotaryTexture(device, config, sizes),
      await blocks("self_dec", ["to_q", "to_k", "to_v"]),
      await blocks("cross_dec", ["to_q"]),
      packWeights(device, keys, dtype, await weight("layers.norm")),
      packWeights(device, [await matrix("head")], dtype, await weight("norm")),
    );
  }

  /**
   * Records on the device that these weights take the present values of a trainable model; what was recorded or captured
   * with them, such as a decoder, goes on with the new ones. May stand in a capture. The numbers are those of {@link of}.
   *
   * @throws {RangeError} for a model of another config.
   */
  refresh(model: Arpg): void {
    for (const [name, value] of Object.entries(this.config)) {
      const other = model.config[name as keyof ArpgConfig];
      if (other === value) continue;
      throw new RangeError(`Cannot refresh a frozen ARPG: wanted a model with ${name} ${value}, got ${other}`);
    }
    const parameters = model.parameters();
    const weight = (name: string) => parameters.get(`${name}.weight`)!;
    const block = ({ heads, proj, gated, down }: FrozenBlock, at: string, names: readonly string[]) => {
      repackWeights(heads, names.map((name) => weight(`${at}.attn.${name}`)), weight(`${at}.attn_norm`));
      repackWeights(proj, [weight(`${at}.attn.proj`)]);
      repackGated(gated, weight(`${at}.ffn.w1`), weight(`${at}.ffn.w3`), weight(`${at}.ffn_norm`));
      repackWeights(down, [weight(`${at}.ffn.w2`)]);
    };
    rewriteTable(this.embeddings, weight("embeddings"));
    if (this.positions !== this.embeddings) rewriteTable(this.positions, weight("positions"));
    this.selfDec.forEach((each, l) => block(each, `layers.self_dec.${l}`, ["to_q", "to_k", "to_v"]));
    this.crossDec.forEach((each, l) => block(each, `layers.cross_dec.${l}`, ["to_q"]));
    repackWeights(this.keys, [weight("layers.to_k"), weight("layers.to_v")], weight("layers.norm"));
    repackWeights(this.head, [weight("head")], weight("norm"));
  }

  /** Gives the memory back. */
  dispose(): void {
    const packed = [...this.selfDec, ...this.crossDec].flatMap((block) => Object.values(block) as PackedWeight[]);
    for (const { texture } of [...packed, this.keys, this.head]) texture.dispose();
    for (const texture of [this.embeddings, this.positions, this.rotary]) texture.dispose();
  }
}

/** Writes are copied and the copies kept until the next submit: as many bytes may wait so. */
const maxPendingBytes = 2 ** 27;

/** Tables of angles, which some checkpoints carry and a model computes itself. */
function isBuffer(name: string): boolean {
  return /(^|\.)freqs_cis$/.test(name);
}

/** Row angles for the first half of a head's pairs, column angles for the second: `[N, D]` as (cos, sin) of each pair. */
function rotaryTexture(device: Device, { cells }: ArpgConfig, { width, headSize }: ArpgSizes): Tensor {
  const half = headSize / 2; // numbers of an axis: quarter pairs of (cos, sin)
  const angles = rotaryAngles2d(width, headSize);
  const table = new Float32Array(cells * headSize);
  for (let cell = 0; cell < cells; cell++) {
    const row = Math.floor(cell / width), column = cell % width;
    table.set(angles.subarray(row * half, (row + 1) * half), cell * headSize);
    table.set(angles.subarray(column * half, (column + 1) * half), cell * headSize + half);
  }
  return device.persistent(() => device.textureOf(table, [cells, headSize]));
}
