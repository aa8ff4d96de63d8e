import assert from "node:assert/strict";
import { LlamaGenPictures } from "../../src/eval/llamagen_pictures.ts";
import { LlamaGenPainter } from "../../src/models/llamagen_painter.ts";
import { VqTokenizer } from "../../src/models/vq_tokenizer.ts";
import { Initializer } from "../../src/nn/init.ts";
import { tokenPictures } from "../../src/rl/token_pictures.ts";
import { tinyLlamaGen } from "../models/tiny_llamagen.ts";
import { tinyVqConfig } from "../models/tiny_vq_config.ts";
import { testDevice } from "../support/device.ts";

const cells = 16, pixels = 8 * 8;

Deno.test("LlamaGenPictures: a picture depends on its number, label and the seed, whatever the batches", async () => {
  const device = await testDevice();
  const model = tinyLlamaGen(device, { vocab: 12, classes: 3, cells });
  const tokenizer = new VqTokenizer(new Initializer(device, 1), tinyVqConfig);
  const labels = Int32Array.from({ length: 7 }, (_, i) => i % 3);
  const paint = async (batch: number, together?: number, seed = 4) => {
    using painter = new LlamaGenPainter(model, batch, { temperature: 1, key: { seed: 0, stream: 0, purpose: 0 } });
    const done: number[] = [];
    const found = await new LlamaGenPictures(painter, tokenizer, together).paint(labels, seed, (n) => done.push(n));
    return { ...found, done };
  };
  const whole = await paint(7);
  assert.deepEqual([whole.images.length, whole.codes.length, whole.done], [7 * pixels, 7 * cells, [7]]);
  for (const [batch, together, done] of [[3, undefined, [3, 6, 7]], [3, 2, [3, 6, 7]], [10, 4, [7]]] as const) {
    const parts = await paint(batch, together);
    assert.deepEqual([parts.codes, parts.images, parts.done], [whole.codes, whole.images, done]);
    assert.ok(parts.milliseconds > 0);
  }
  assert.notDeepEqual((await paint(7, 7, 5)).codes, whole.codes);

  using _scope = device.scope();
  const tokens = device.tensor(whole.codes, [7, cells]);
  for (const together of [undefined, 1, 5]) {
    const values = await device.noGrad(() => tokenPictures(tokenizer, tokens, together)).data();
    assert.ok(values.every((value, i) => Math.abs(255 * value - whole.images[i]!) < 0.51), `${together} together`);
  }
});
