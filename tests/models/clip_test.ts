import assert from "node:assert/strict";
import { Clip } from "../../src/models/clip.ts";
import { type ClipConfig, clipPresets, clipShapes } from "../../src/models/clip_config.ts";
import { Initializer } from "../../src/nn/init.ts";
import { reshape } from "../../src/ops/reshape.ts";
import { contrastiveLoss } from "../../src/rl/contrastive_loss.ts";
import type { Device } from "../../src/tensor/device.ts";
import { sizeOf } from "../../src/tensor/shape.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";
import { imageReference, lossReference, textReference } from "./clip_reference.ts";
import { clipWith, tinyClip } from "./tiny_clip.ts";

/** Three texts of {@link tinyClip}: with padding, without end, as long as may be. */
const texts = [[9, 3, 10, 10, 10, 10], [9, 4, 5, 1, 2, 8], [9, 3, 7, 1, 4, 10]];

/** A model all of whose parameters are random, and what it is shown. */
function sample(device: Device, config: ClipConfig) {
  const model = new Clip(new Initializer(device, 3), config), random = seededRandom(5);
  const values = new Map([...model.parameters()].map(([name, tensor]) => {
    const scale = name.includes("embedding") ? 1 : 0.6; // larger than usual, so that attention prefers something
    const gain = /norm.*weight/.test(name) ? 1 : 0;
    const data = Float32Array.from({ length: tensor.size }, () => gain + scale * (2 * random() - 1));
    tensor.write(data);
    return [name, Float64Array.from(data)] as const;
  }));
  const { num_channels, image_size } = config.vision_config;
  const shape = [3, num_channels, image_size, image_size];
  const pixels = Float32Array.from({ length: sizeOf(shape) }, () => 4 * random() - 2);
  return { model, values, pixels, images: device.tensor(pixels, shape) };
}

const imagesOf = (values: ReadonlyMap<string, Float64Array>, config: ClipConfig, pixels: Float32Array) =>
  [0, 1, 2].map((i) =>
    imageReference(values, config, pixels.subarray(i * pixels.length / 3, (i + 1) * pixels.length / 3))
  );

const cases: Readonly<Record<string, ClipConfig>> = {
  "as published, small": tinyClip,
  "gelu, an eps, a grey picture of which some pixels fill no patch": clipWith({
    text: { hidden_act: "gelu", layer_norm_eps: 0.01 },
    vision: { hidden_act: "gelu", layer_norm_eps: 0.02, image_size: 7, patch_size: 3, num_channels: 1 },
  }),
  "odd sizes, the highest id ends a text": clipWith({
    text: { hidden_size: 15, num_attention_heads: 3, intermediate_size: 7, num_hidden_layers: 1, eos_token_id: 2 },
    vision: { hidden_size: 7, num_attention_heads: 1, intermediate_size: 5, num_hidden_layers: 1, patch_size: 8 },
  }),
};

for (const [name, config] of Object.entries(cases)) {
  Deno.test(`Clip: images, texts and similarities are those of a float64 reference: ${name}`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const { model, values, pixels, images } = sample(device, config);
    const seen = model.encodeImage(images),
      read = model.encodeText(device.tensor(Int32Array.from(texts.flat()), [3, 6]));
    const wanted = imagesOf(values, config, pixels),
      said = texts.map((ids) => {
        const { eos_token_id: end } = config.text_config;
        return end === 2 || ids.includes(end) ? textReference(values, config, ids) : firstToken(values, config, ids);
      });
    assertAllClose(await seen.data(), wanted.flat(), 1e-5, "images");
    assertAllClose(await read.data(), said.flat(), 1e-5, "texts");
    const length = (row: number[]) => Math.hypot(...row), scale = Math.exp(values.get("logit_scale")![0]!);
    const cosines = wanted.map((a) =>
      said.map((b) => a.reduce((sum, x, i) => sum + x * b[i]!, 0) / length(a) / length(b))
    );
    assertAllClose(await model.similarities(seen, read).data(), cosines.flat().map((c) => scale * c), 1e-5, "logits");
  });
}

/** A text without end is read at its first token, as HuggingFace does. */
function firstToken(values: ReadonlyMap<string, Float64Array>, config: ClipConfig, ids: readonly number[]): number[] {
  const text_config = { ...config.text_config, eos_token_id: ids[0]! };
  return textReference(values, { ...config, text_config }, ids);
}

Deno.test("Clip: what stands behind a text's end changes nothing, and a shorter batch reads the same", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const { model } = sample(device, tinyClip);
  const encode = (ids: number[]) => model.encodeText(device.tensor(Int32Array.from(ids), [1, ids.length])).data();
  const wanted = await encode([9, 3, 10, 10, 10, 10]);
  assertAllClose(await encode([9, 3, 10, 1, 2, 3]), wanted, 1e-6);
  assertAllClose(await encode([9, 3, 10]), wanted, 1e-6);
});

Deno.test("Clip: every gradient of the contrastive loss is that of the float64 reference by central differences", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const { model, values, pixels, images } = sample(device, tinyClip);
  const group = [texts[0]!, [9, 4, 5, 10, 2, 8], texts[2]!];
  const grouped = (x: ReturnType<Clip["encodeImage"]>) => reshape(x, [1, 3, 5]);
  const loss = contrastiveLoss(
    grouped(model.encodeImage(images)),
    grouped(model.encodeText(device.tensor(Int32Array.from(group.flat()), [3, 6]))),
    model.logitScale,
  );
  const reference = () =>
    lossReference(
      imagesOf(values, tinyClip, pixels),
      group.map((ids) => textReference(values, tinyClip, ids)),
      values.get("logit_scale")![0]!,
    );
  assertAllClose(await loss.data(), [reference()], 1e-5);
  const parameters = model.parameters(), random = seededRandom(8);
  const found = await device.read(gradients(loss, [...parameters.values()]));
  [...parameters.keys()].forEach((name, i) => {
    const value = values.get(name)!, before = value.slice();
    const direction = value.map(() => 2 * random() - 1), h = 1e-4 / Math.hypot(...direction);
    const moved = (step: number) => {
      value.set(before.map((x, j) => x + step * direction[j]!));
      return reference();
    };
    const numeric = (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h);
    value.set(before);
    const analytic = direction.reduce((sum, d, j) => sum + d * found[i]![j]!, 0);
    assertAllClose([analytic], [numeric], 2e-5, name);
  });
});

Deno.test("Clip: parameters have the names and shapes of clipShapes, and the presets their published numbers", async () => {
  const device = await testDevice();
  const model = new Clip(new Initializer(device, 1), tinyClip);
  const shown = (shapes: Iterable<readonly [string, readonly number[]]>) => new Map([...shapes].sort());
  const own = [...model.parameters()].map(([name, { shape }]) => [name, shape] as const);
  assert.deepEqual(shown(own), shown(clipShapes(tinyClip)));
  const counts = Object.fromEntries(
    Object.entries(clipPresets).map(([name, config]) => [
      name,
      [...clipShapes(config).values()].reduce((sum, shape) => sum + sizeOf(shape), 0),
    ]),
  );
  assert.deepEqual(counts, {
    "ViT-B/32": 151_277_313,
    "ViT-B/16": 149_620_737,
    "ViT-L/14": 427_616_513,
    "ViT-L/14@336px": 427_944_193,
  });
  assert.equal((await model.logitScale.data())[0], Math.fround(2.6592));
});

Deno.test("Clip refuses sizes and inputs that do not fit", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const refuses = (body: () => unknown, message: string) => assert.throws(body, { name: "RangeError", message });
  const make = (config: ClipConfig) => () => new Clip(new Initializer(device, 1), config);
  refuses(
    make(clipWith({ text: { num_attention_heads: 3 } })),
    "Cannot make a CLIP: text_config.hidden_size must be a multiple of num_attention_heads, got 8 and 3",
  );
  refuses(
    make(clipWith({ vision: { patch_size: 9 } })),
    "Cannot make a CLIP: vision_config.patch_size must be at most image_size, got 9 and 8",
  );
  const model = make(tinyClip)();
  refuses(
    () => model.encodeImage(device.zeros([2, 3, 8, 9])),
    "Cannot apply encodeImage: pixels must have shape [2, 3, 8, 8], got [2, 3, 8, 9]",
  );
  refuses(
    () => model.encodeText(device.zeros([6], "i32")),
    "Cannot apply encodeText: ids must have 2 axes, got shape [6]",
  );
  refuses(
    () => model.encodeText(device.zeros([2, 7], "i32")),
    "Cannot apply encodeText: a text has at most 6 tokens, got [2, 7]",
  );
});
