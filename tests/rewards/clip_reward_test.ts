import assert from "node:assert/strict";
import type { Clip } from "../../src/models/clip.ts";
import { ClipPreprocess } from "../../src/models/clip_preprocess.ts";
import { clipBatch, clipPictures } from "../../src/rewards/clip_batch.ts";
import { ClipFeatures } from "../../src/rewards/clip_features.ts";
import { embedClasses } from "../../src/rewards/clip_prompts.ts";
import { ClipReward, type ClipRewardForm } from "../../src/rewards/clip_reward.ts";
import type { Device } from "../../src/tensor/device.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";
import { tinyClip, tinyTokenizer } from "./tiny_clip.ts";

const names = ["cat", "dog", "big bird"];
const templates = ["a photo of a {name}", "a drawing of a {name}", "{name}"];

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const unit = (row: readonly number[]) => row.map((value) => value / Math.sqrt(dot(row, row)));

async function rows(tensor: Tensor): Promise<number[][]> {
  const values = await tensor.data(), width = tensor.shape.at(-1)!;
  return Array.from({ length: values.length / width }, (_, r) => [...values.subarray(r * width, (r + 1) * width)]);
}

function picturesOf(device: Device, channels: number, count = 4): { images: Tensor; classes: Tensor } {
  const random = seededRandom(5);
  const images = device.tensor(Float32Array.from({ length: count * channels * 80 }, random), [count, channels, 8, 10]);
  return { images, classes: device.tensor(Int32Array.from({ length: count }, (_, i) => (2 * i + 1) % names.length)) };
}

Deno.test("embedClasses: unit embeddings of a class's prompts are averaged and made unit again", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const clip = tinyClip(device), tokenizer = tinyTokenizer();
  const found = await rows(embedClasses(device, clip, tokenizer, names, templates));
  for (const [k, name] of names.entries()) {
    const each: number[][] = [];
    for (const template of templates) {
      // All of the model's positions, as the tokenizer fills them, and one text at a time.
      const ids = Int32Array.from(tokenizer.encode([template.replace("{name}", name)]));
      each.push(unit((await rows(clip.encodeText(device.tensor(ids, [1, 9]))))[0]!));
    }
    const mean = each[0]!.map((_, p) => each.reduce((sum, row) => sum + row[p]!, 0) / each.length);
    assertAllClose(found[k]!, unit(mean), 1e-5, name);
  }
});

/** The model, said to have so wide layers: it goes in smaller batches then. */
function saidWide(clip: Clip, text: number, vision: number): Clip {
  const { text_config, vision_config } = clip.config;
  const config = {
    ...clip.config,
    text_config: { ...text_config, intermediate_size: text },
    vision_config: { ...vision_config, intermediate_size: vision },
  };
  return Object.create(clip, { config: { value: config } });
}

Deno.test("embedClasses and ClipFeatures: in batches as all at once", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const clip = tinyClip(device), wide = saidWide(clip, 2.5e6, 2.5e6), tokenizer = tinyTokenizer();
  assert.deepEqual([clipBatch(wide.config.text_config, 6), clipPictures(wide.config.vision_config, 5)], [2, 2]);
  const many = ["cat", "dog", "big", "bird", "big cat"];
  const [one, two] = [clip, wide].map((model) => embedClasses(device, model, tokenizer, many, ["a drawing of {name}"]));
  assert.deepEqual(one!.shape, [5, 6]);
  assertAllClose(await two!.data(), await one!.data(), 1e-6);
  const painted = picturesOf(device, 3, 5);
  const [all, some] = [clip, wide].map((model) => new ClipFeatures(device, model, 8, 10).of(painted));
  assert.deepEqual(all!.shape, [5, 6]);
  assertAllClose(await some!.data(), await all!.data(), 1e-6);
});

Deno.test("embedClasses puts names as they are in every place of a template, dollar signs too", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const tokenizer = tinyTokenizer(), texts: string[] = [];
  const listening = Object.create(tokenizer, {
    encode: { value: (given: string[]) => (texts.push(...given), tokenizer.encode(given.map(() => "cat"))) },
  });
  embedClasses(device, tinyClip(device), listening, ["$& $1", "dog"], ["a {name} of {name}", "{name}"]);
  assert.deepEqual(texts, ["a $& $1 of $& $1", "$& $1", "a dog of dog", "dog"]);
});

for (const channels of [1, 3]) {
  for (const form of ["cosine", "softmax"] as const) {
    Deno.test(`ClipReward ${form} of pictures with ${channels} channels, against float64; without gradient`, async () => {
      const device = await testDevice();
      using _scope = device.scope();
      const clip = tinyClip(device);
      const painted = picturesOf(device, channels);
      painted.images.requiresGrad = true;
      const prompts = embedClasses(device, clip, tinyTokenizer(), names, templates);
      const reward = new ClipReward(new ClipFeatures(device, clip, 8, 10), prompts, form);
      const scores = reward.score(painted);
      assert.equal(scores.requiresGrad, false);
      assert.equal(scores.node, null);
      assert.deepEqual(scores.shape, [4]);

      const pixels = new ClipPreprocess(device, 8, 10, 12).forward(painted.images.detach());
      const [seen, texts] = [await rows(clip.encodeImage(pixels)), await rows(prompts)];
      const scale = Math.exp(await clip.logitScale.item());
      const expected = [1, 0, 2, 1].map((label, i) => {
        const cosines = texts.map((text) => dot(unit(seen[i]!), text));
        if (form === "cosine") return (1 + cosines[label]!) / 2;
        const odds = cosines.map((cosine) => Math.exp(scale * cosine));
        return odds[label]! / odds.reduce((a, b) => a + b);
      });
      assert.ok(Math.max(...expected) - Math.min(...expected) > 0.01, `the rewards differ: ${expected}`);
      assertAllClose(await scores.data(), expected, 2e-5);
    });
  }
}

Deno.test("ClipFeatures: rewards of the same pictures share them in a recording; replays see new pictures", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const clip = tinyClip(device);
  let encoded = 0;
  const counted = Object.create(clip, {
    encodeImage: { value: (pixels: Tensor) => (encoded++, clip.encodeImage(pixels)) },
  });
  const prompts = embedClasses(device, clip, tinyTokenizer(), names, templates);
  const features = new ClipFeatures(device, counted, 8, 10);
  const painted = picturesOf(device, 3);
  const forms: ClipRewardForm[] = ["cosine", "softmax"];
  const recorded = device.capture(() => forms.map((form) => new ClipReward(features, prompts, form).score(painted)));
  assert.equal(encoded, 1);
  recorded.replay();
  const [before] = await device.read(recorded.result);
  painted.images.write(Float32Array.from({ length: 960 }, (_, i) => i / 960));
  recorded.replay();
  const after = await device.read(recorded.result);
  assert.notDeepEqual(after[0], before);
  recorded.dispose();
  const anew = forms.map((form) => new ClipReward(features, prompts, form).score(painted));
  assert.equal(encoded, 2, "what died with the recording is made again");
  assert.deepEqual(await device.read(anew), after);
});

Deno.test("ClipReward refuses prompts of another model", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const features = new ClipFeatures(device, tinyClip(device), 8, 10);
  assert.throws(() => new ClipReward(features, device.zeros([3, 5]), "cosine"), {
    name: "RangeError",
    message: "Cannot reward by prompts of shape [3, 5]: wanted [classes, 6], as the model embeds",
  });
});
