import assert from "node:assert/strict";
import type { Arpg } from "../../src/models/arpg.ts";
import { ArpgDecoder } from "../../src/models/arpg_decoder.ts";
import { cellOrder } from "../../src/models/decode_order.ts";
import { FrozenArpg, type FrozenBlock } from "../../src/models/frozen_arpg.ts";
import type { PackedWeight } from "../../src/models/frozen_weights.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { fetchTexture } from "../gpu/kernels.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";
import { tinyArpg } from "./tiny_arpg.ts";

/** Everything that decoding reads of the weights. */
async function textures({ device, embeddings, positions, selfDec, crossDec, keys, head }: FrozenArpg) {
  using _scope = device.scope();
  const packed = [...selfDec, ...crossDec].flatMap((block: FrozenBlock) => Object.values(block) as PackedWeight[]);
  const all: Tensor[] = [embeddings, positions, ...[...packed, keys, head].map(({ texture }) => texture)];
  return (await device.read(all.map(fetchTexture))).map((values) => [...values]);
}

/** New values, as a training would leave them; among them numbers that float16 can hold only as subnormals. */
function change(model: Arpg): void {
  const random = seededRandom(9);
  for (const tensor of model.parameters().values()) {
    tensor.write(Float32Array.from({ length: tensor.size }, (_, i) => (2 * random() - 1) * (i % 5 ? 1 : 1e-5)));
  }
}

// The last has padded columns (a head of 10), padded turns (a feed-forward of 64 + 4) and no learned positions.
const configs = [{}, { position: "none", dim: 24, heads: 3, multiple_of: 4, vocab: 10 }] as const;

for (const dtype of ["float32", "float16"] as const) {
  Deno.test(`FrozenArpg.refresh, ${dtype}: every texture is that of a newly frozen model, bit for bit`, async () => {
    const device = await testDevice();
    for (const changes of configs) {
      const model = tinyArpg(device, changes), frozen = await FrozenArpg.of(model, dtype);
      const before = await textures(frozen);
      change(model);
      frozen.refresh(model);
      const fresh = await FrozenArpg.of(model, dtype);
      const expected = await textures(fresh);
      assert.notDeepEqual(before, expected);
      assert.deepEqual(await textures(frozen), expected);
      for (const each of [frozen, fresh]) each.dispose();
    }
  });
}

Deno.test("FrozenArpg.refresh: a decoder captured before paints what a newly frozen model paints, without a wait or new memory", async () => {
  const device = await testDevice();
  const model = tinyArpg(device), frozen = await FrozenArpg.of(model);
  const options = {
    batch: 3,
    plan: { groups: [2, 5, 9] },
    guidance: { scale: 2, form: "linear" },
    temperature: 1,
  } as const;
  const request = {
    classes: Int32Array.of(0, 1, 2),
    order: Int32Array.from([0, 1, 2].flatMap((sample) => [...cellOrder("random", 16, 4, sample)])),
    samples: Int32Array.of(0, 1, 2),
    seed: 7,
  };
  using decoder = new ArpgDecoder(frozen, options);
  const paint = async (by: ArpgDecoder) => [...await by.decode(request).tokens.data()];
  const before = await paint(decoder);
  const refresh = device.capture(() => frozen.refresh(model));
  change(model);
  const { recorder, pool } = device.gpu;
  const { submits } = recorder.counters, { created } = pool.counters;
  refresh.replay();
  assert.deepEqual([recorder.counters.submits - submits, pool.counters.created - created], [1, 0]);
  const after = await paint(decoder);
  const fresh = await FrozenArpg.of(model);
  using other = new ArpgDecoder(fresh, options);
  assert.deepEqual(after, await paint(other));
  assert.notDeepEqual(after, before);
  refresh.dispose();
  for (const each of [frozen, fresh]) each.dispose();
});

Deno.test("FrozenArpg.refresh refuses a model of other sizes", async () => {
  const device = await testDevice();
  const frozen = await FrozenArpg.of(tinyArpg(device));
  assert.throws(() => frozen.refresh(tinyArpg(device, { layers: 2 })), {
    name: "RangeError",
    message: "Cannot refresh a frozen ARPG: wanted a model with layers 4, got 2",
  });
  frozen.dispose();
});
