import assert from "node:assert/strict";
import { toHost } from "../../src/jobs/run_state.ts";
import { Clip, type ClipEncoders } from "../../src/models/clip.ts";
import type { ClipConfig } from "../../src/models/clip_config.ts";
import { FrozenClip } from "../../src/models/frozen_clip.ts";
import { Initializer } from "../../src/nn/init.ts";
import type { WeightSource } from "../../src/nn/module.ts";
import type { Device } from "../../src/tensor/device.ts";
import type { HostTensor } from "../../src/tensor/host_tensor.ts";
import { sizeOf } from "../../src/tensor/shape.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { deviceWith, testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";
import { clipWith, tinyClip } from "./tiny_clip.ts";

/** Layers wide enough for the tiles of every table, and more rows than the smallest tile. */
const wide = clipWith({
  text: { hidden_size: 32, intermediate_size: 64 },
  vision: { hidden_size: 36, intermediate_size: 64, patch_size: 2 },
});
const odd = clipWith({ vision: { hidden_size: 6, intermediate_size: 10, num_attention_heads: 2 } });

/** The names of what a FrozenClip holds as float16. */
const layerWeight = /encoder\..*(proj|fc\d)\.weight$/;

/** Random weights, those of layers rounded to float16. */
function sample(device: Device, config: ClipConfig) {
  const clip = new Clip(new Initializer(device, 3), config), random = seededRandom(5);
  const weights = new Map<string, HostTensor>();
  for (const [name, tensor] of clip.parameters()) {
    const gain = /norm.*weight/.test(name) ? 1 : 0;
    const round = layerWeight.test(name) ? Math.f16round : Math.fround;
    const data = Float32Array.from({ length: tensor.size }, () => round(gain + 1.2 * random() - 0.6));
    tensor.write(data);
    weights.set(name, { shape: tensor.shape, data });
  }
  const { num_channels, image_size } = config.vision_config, shape = [3, num_channels, image_size, image_size];
  const images = device.tensor(Float32Array.from({ length: sizeOf(shape) }, () => 4 * random() - 2), shape);
  const ids = device.tensor(Int32Array.of(9, 3, 10, 10, 10, 10, 9, 3, 7, 1, 4, 10), [2, 6]);
  return { clip, weights, source: sourceOf(weights), images, ids };
}

function sourceOf(weights: ReadonlyMap<string, HostTensor>): WeightSource {
  const entries = new Map([...weights].map(([name, { shape }]) => [name, { dtype: "F32", shape }]));
  return { entries, read: (name) => weights.get(name)! };
}

const tables = {
  "this adapter's": {},
  plain: { matmul: "plain" },
  block64: { matmul: "block64" },
} as const;

for (const [name, table] of Object.entries(tables)) {
  Deno.test(`FrozenClip: with weights that are float16 it says what Clip says: ${name} kernels`, async () => {
    const device = await deviceWith(table);
    using _scope = device.scope();
    for (const config of [wide, tinyClip, odd]) {
      const { clip, source, images, ids } = sample(device, config);
      const frozen = await FrozenClip.from(device, config, source);
      assertAllClose(await frozen.encodeImage(images).data(), await clip.encodeImage(images).data(), 1e-5, "images");
      assertAllClose(await frozen.encodeText(ids).data(), await clip.encodeText(ids).data(), 1e-5, "texts");
      assert.equal(await frozen.logitScale.item(), await clip.logitScale.item());
      assert.equal(frozen.encodeImage(images).requiresGrad, false);
    }
  });
}

Deno.test("FrozenClip: rounding weights to float16 moves an embedding by less than float16's 2^-11 for every layer", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const config = clipWith({
    text: { hidden_size: 64, intermediate_size: 128, num_hidden_layers: 4 },
    vision: { hidden_size: 48, intermediate_size: 96, num_hidden_layers: 4 },
  });
  const { images, ids } = sample(device, config), clip = new Clip(new Initializer(device, 8), config);
  const weights = await toHost(device, clip.parameters());
  const exact = await FrozenClip.from(device, config, sourceOf(weights), { dtype: "float32" });
  const rounded = await FrozenClip.from(device, config, sourceOf(weights));
  for (
    const encode of [(model: ClipEncoders) => model.encodeImage(images), (model: ClipEncoders) => model.encodeText(ids)]
  ) {
    const [wanted, same, found] = await device.read([clip, exact, rounded].map(encode));
    assert.deepEqual(same, wanted, "float32 is Clip");
    const error = Math.hypot(...wanted!.map((x, i) => x - found![i]!)) / Math.hypot(...wanted!);
    assert.ok(error > 0 && error < 4 * 2 ** -11, `${error}`);
  }
});

Deno.test("FrozenClip: layers take half the memory, without texts or once they are dropped none for them", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  // Sizes of which textures have whole rows and buffers whole size classes.
  const config = clipWith({
    text: { hidden_size: 128, intermediate_size: 512 },
    vision: { hidden_size: 128, intermediate_size: 512, num_attention_heads: 4 },
  });
  const { source, weights, images, ids } = sample(device, config), { counters } = device.gpu.pool;
  const grown = async (body: () => unknown) => {
    const before = counters.liveBytes;
    await body();
    return counters.liveBytes - before;
  };
  const held = [...weights].filter(([name]) => layerWeight.test(name));
  const elements = held.reduce((sum, [, { shape }]) => sum + sizeOf(shape), 0);
  let both!: FrozenClip, picturesOnly!: FrozenClip;
  const whole = await grown(() => FrozenClip.from(device, config, source, { dtype: "float32" }));
  const half = await grown(async () => both = await FrozenClip.from(device, config, source));
  assert.equal(whole - half, 2 * elements);
  const pictures = await grown(async () =>
    picturesOnly = await FrozenClip.from(device, config, source, { texts: false })
  );
  assert.deepEqual(await picturesOnly.encodeImage(images).data(), await both.encodeImage(images).data());
  const said = await both.encodeText(ids).data();
  assert.ok(said.every(Number.isFinite));
  assert.equal(await grown(() => both.dropTexts()), pictures - half);
  both.dropTexts();
  for (const model of [both, picturesOnly]) {
    assert.throws(() => model.encodeText(ids), {
      message: "Cannot encode texts: this CLIP has no tower of texts, or has dropped it",
    });
  }
  assert.deepEqual(await both.encodeImage(images).data(), await picturesOnly.encodeImage(images).data());
});

Deno.test("FrozenClip: weights of other names are refused before one is read, sizes that make no model too", async () => {
  const device = await testDevice();
  const { weights } = sample(device, tinyClip);
  weights.delete("logit_scale");
  const read = () => assert.fail("it was read"), source = { ...sourceOf(weights), read };
  await assert.rejects(FrozenClip.from(device, tinyClip, source), {
    name: "UserError",
    message: "Cannot load weights: 1 of 78 parameters missing: logit_scale []; pass the weights of this model",
  });
  await assert.rejects(FrozenClip.from(device, clipWith({ text: { num_attention_heads: 3 } }), source), {
    name: "RangeError",
    message: "Cannot make a CLIP: text_config.hidden_size must be a multiple of num_attention_heads, got 8 and 3",
  });
});

Deno.test("FrozenClip: what it takes it gives back, also where its weights end early", async () => {
  const device = await testDevice(), { counters } = device.gpu.pool;
  using _scope = device.scope();
  const { source, weights } = sample(device, wide), before = counters.liveBytes;
  for (const dtype of ["float16", "float32"] as const) {
    const model = await FrozenClip.from(device, wide, source, { dtype });
    assert.ok(counters.liveBytes > before);
    for (let i = 0; i < 2; i++) model.dispose();
    assert.equal(counters.liveBytes, before, dtype);
  }
  const last = [...weights.keys()].findLast((name) => layerWeight.test(name))!;
  const read = (name: string) => {
    if (name === last) throw new Error("the file ends early");
    return weights.get(name)!;
  };
  await assert.rejects(FrozenClip.from(device, wide, { ...source, read }), { message: "the file ends early" });
  assert.equal(counters.liveBytes, before);
});
