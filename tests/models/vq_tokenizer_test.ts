import assert from "node:assert/strict";
import { readSafetensors } from "../../src/io/safetensors.ts";
import { vq16, type VqConfig } from "../../src/models/vq_config.ts";
import { loadVqTokenizer, VqTokenizer, vqTokenizerOf } from "../../src/models/vq_tokenizer.ts";
import { Initializer } from "../../src/nn/init.ts";
import type { Device } from "../../src/tensor/device.ts";
import type { HostTensor } from "../../src/tensor/host_tensor.ts";
import { type Shape, showShape, sizeOf } from "../../src/tensor/shape.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../support/device.ts";
import { fileTest } from "../support/file_test.ts";

const tiny: VqConfig = {
  ch: 4,
  ch_mult: [1, 2],
  num_res_blocks: 1,
  codebook_size: 16,
  codebook_embed_dim: 3,
  z_channels: 4,
  image_channels: 1,
  norm_groups: 2,
};

/** Shapes of a model's parameters, without memory for them. */
function shapesOf(config: VqConfig): Map<string, Shape> {
  const shapeOnly = (shape: Shape) => ({ shape }) as Tensor;
  class Shapes extends Initializer {
    override uniform = shapeOnly;
    override normal = shapeOnly;
  }
  const device = { parameter: (_: Float32Array, shape: Shape) => shapeOnly(shape) } as Device;
  const parameters = new VqTokenizer(new Shapes(device, 0), config).parameters();
  return new Map([...parameters].map(([name, { shape }]) => [name, shape]));
}

async function modelWeights(model: VqTokenizer): Promise<Map<string, HostTensor>> {
  const weights = new Map<string, HostTensor>();
  for (const [name, tensor] of model.parameters()) {
    weights.set(name, { shape: tensor.shape, data: await tensor.data() });
  }
  return weights;
}

await fileTest("VqTokenizer: parameters have the names and shapes of the reference", async () => {
  const folder = new URL("../fixtures/vq-decode/", import.meta.url).pathname;
  const { tensors } = await readSafetensors(`${folder}weights.safetensors`);
  const { config } = JSON.parse(await Deno.readTextFile(`${folder}case.json`));
  const shown = (all: Iterable<[string, Shape]>) =>
    [...all].map(([name, shape]) => `${name} ${showShape(shape)}`).sort();
  assert.deepEqual(
    shown(shapesOf({ image_channels: 3, norm_groups: null, ...config })),
    shown([...tensors].map(([name, { shape }]) => [name, shape])),
  );
});

Deno.test("VqTokenizer: the VQ-16 preset", () => {
  const shapes = shapesOf(vq16);
  assert.equal(shapes.size, 343);
  assert.equal([...shapes.values()].reduce((sum, shape) => sum + sizeOf(shape), 0), 71883403);
  for (
    const [name, shape] of [
      ["encoder.conv_in.weight", [128, 3, 3, 3]],
      ["encoder.conv_blocks.2.res.0.nin_shortcut.weight", [256, 128, 1, 1]],
      ["encoder.conv_blocks.3.downsample.conv.weight", [256, 256, 3, 3]],
      ["encoder.conv_blocks.4.attn.1.proj_out.weight", [512, 512, 1, 1]],
      ["encoder.mid.1.norm.weight", [512]],
      ["decoder.conv_blocks.0.attn.2.q.bias", [512]],
      ["decoder.conv_blocks.4.res.2.conv2.weight", [128, 128, 3, 3]],
      ["decoder.conv_out.weight", [3, 128, 3, 3]],
      ["quantize.embedding.weight", [16384, 8]],
      ["quant_conv.weight", [8, 256, 1, 1]],
      ["post_quant_conv.weight", [256, 8, 1, 1]],
    ] as const
  ) assert.deepEqual(shapes.get(name), shape, name);
  assert.ok(
    !shapes.has("encoder.conv_blocks.3.attn.0.q.weight") && !shapes.has("decoder.conv_blocks.4.upsample.conv.bias"),
  );
});

Deno.test("VqTokenizer: encode, decode and reconstruct agree, also for images that are not square", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = new VqTokenizer(new Initializer(device, 1), tiny);
  const images = device.tensor(Float32Array.from({ length: 2 * 24 }, (_, i) => Math.sin(i * i)), [2, 1, 4, 6]);
  const codes = model.encode(images), decoded = model.decode(codes, 2), both = model.reconstruct(images);
  assert.deepEqual([codes.shape, codes.dtype, decoded.shape], [[2, 6], "i32", [2, 1, 4, 6]]);
  assert.deepEqual(await both.codes.data(), await codes.data());
  const direct = await decoded.data();
  (await both.images.data()).forEach((value, i) => assert.ok(Math.abs(value - direct[i]!) < 1e-5));
  assert.deepEqual(model.decode(device.zeros([1, 9], "i32")).shape, [1, 1, 6, 6], "cells of a square");
});

Deno.test("VqTokenizer refuses images and codes that do not fit", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = new VqTokenizer(new Initializer(device, 1), tiny);
  const refuses = (body: () => unknown, message: string) => assert.throws(body, { name: "RangeError", message });
  const wanted = "wanted 1 channels and sides divisible by 2";
  refuses(() => model.encode(device.zeros([1, 3, 4, 4])), `Cannot encode images [1, 3, 4, 4]: ${wanted}`);
  refuses(() => model.encode(device.zeros([1, 1, 4, 5])), `Cannot encode images [1, 1, 4, 5]: ${wanted}`);
  refuses(() => model.encode(device.zeros([4, 4])), "Cannot apply encode: images must have 4 axes, got shape [4, 4]");
  refuses(() => model.decode(device.zeros([4], "i32")), "Cannot apply decode: codes must have 2 axes, got shape [4]");
  refuses(
    () => model.decode(device.zeros([1, 6], "i32")),
    "Cannot decode codes [1, 6]: 6 cells form no square; pass the number of rows",
  );
  refuses(
    () => model.decode(device.zeros([1, 6], "i32"), 4),
    "Cannot decode codes [1, 6]: 6 cells form no 4 rows of equal length",
  );
});

Deno.test("loadVqTokenizer: file and metadata are enough; published counters are passed over", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = new VqTokenizer(new Initializer(device, 1), tiny);
  const tensors = await modelWeights(model);
  const loaded = loadVqTokenizer(device, { tensors, metadata: { config: JSON.stringify(tiny) } }, "t.safetensors");
  assert.deepEqual(await modelWeights(loaded), tensors);
  vqTokenizerOf(
    device,
    tiny,
    new Map([...tensors, ["quantize.codebook_used", { shape: [1], data: Float32Array.of(0) }]]),
  );
  tensors.delete("quant_conv.bias");
  assert.throws(
    () => loadVqTokenizer(device, { tensors, metadata: { config: JSON.stringify(tiny) } }, "t.safetensors"),
    {
      name: "UserError",
      message: /^t\.safetensors: Cannot load weights: 1 of \d+ parameters missing: quant_conv\.bias \[3\]/,
    },
  );
});
