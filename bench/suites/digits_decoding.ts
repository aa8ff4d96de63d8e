import type { Contender } from "../contender.ts";
import { settle } from "../stipple_contender.ts";
import { readSafetensors } from "../../src/io/safetensors.ts";
import { ArpgDecoder } from "../../src/models/arpg_decoder.ts";
import { type ArpgConfig, arpgSizes } from "../../src/models/arpg_config.ts";
import { cellOrder } from "../../src/models/decode_order.ts";
import type { DecodePlan, DecodeRequest } from "../../src/models/decode_request.ts";
import { FrozenArpg } from "../../src/models/frozen_arpg.ts";
import { loadArpg } from "../../src/models/load_arpg.ts";
import type { Device } from "../../src/tensor/device.ts";

const guidance = { scale: 1.5, form: "constant" } as const;

/** The digits model as it stands in `assets/`. */
export async function digitsModel(device: Device): Promise<FrozenArpg> {
  const file = new URL("../../assets/digits_arpg.safetensors", import.meta.url).pathname;
  return await FrozenArpg.of(loadArpg(device, await readSafetensors(file), file));
}

/** Decoding a batch with guidance, all samples by the same groups. */
export function uniformDecoding(model: FrozenArpg, groups: readonly number[], batch: number): Contender {
  return decoding(model, { groups }, requestOf(model, batch));
}

/** Decoding a batch whose samples have groups of their own: sample by sample. */
export function raggedDecoding(model: FrozenArpg, groups: readonly (readonly number[])[]): Contender {
  const batch = groups.length, steps = Math.max(...groups.map(({ length }) => length));
  const table = new Int32Array(steps * batch);
  groups.forEach((sizes, b) => sizes.forEach((size, t) => table[t * batch + b] = size));
  const plan = { steps, mostKnown: 0, mostGroup: Math.max(...table) };
  return decoding(model, plan, { ...requestOf(model, batch), groups: table });
}

function requestOf({ config: { cells, classes } }: FrozenArpg, batch: number): DecodeRequest {
  const samples = Int32Array.from({ length: batch }, (_, b) => b);
  const order = Int32Array.from([...samples].flatMap((b) => [...cellOrder("random", cells, 1, b)]));
  return { classes: samples.map((b) => b % classes), order, samples, seed: 1 };
}

function decoding(model: FrozenArpg, plan: DecodePlan, request: DecodeRequest): Contender {
  const batch = request.samples.length;
  const decoder = new ArpgDecoder(model, { batch, plan, guidance, temperature: 1 });
  let tokens = decoder.decode(request).tokens;
  return {
    name: "stipple",
    run: () => {
      tokens = decoder.decode(request).tokens;
    },
    settle: () => settle(model.device),
    results: async () => [await tokens.data()],
    dispose: () => decoder[Symbol.dispose](),
  };
}

/**
 * Operations of decoding one image, conditional and unconditional pass together: products of content (every token but
 * the last group's, and the class) and of queries, and attention to what is painted, which is on average half.
 */
export function decodingFlops(config: ArpgConfig, groups: readonly number[]): number {
  const { dim, cells, vocab } = config, { half, ffn } = arpgSizes(config);
  const content = 1 + cells - groups.at(-1)!;
  const block = 2 * dim * dim + 3 * dim * ffn; // query and output projection, SwiGLU
  const attention = dim * cells; // two products over half of the cells
  const contentMacs = content * (half * (block + 2 * dim * dim + attention) + 2 * dim * dim);
  const queryMacs = cells * (half * (block + attention) + vocab * dim);
  return 2 * 2 * (contentMacs + queryMacs);
}
