import assert from "node:assert/strict";
import { arpgMethod } from "../../src/eval/decoding_method.ts";
import { loadImagenetGenerator, openImagenetPainter, pictureSize } from "../../src/jobs/imagenet_models.ts";
import { randomWeightsOf } from "../../src/jobs/imagenet_random.ts";
import { openPainter } from "../../src/jobs/open_painter.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { assertUserError } from "../io/user_error.ts";
import { tinyVqConfig } from "../models/tiny_vq_config.ts";
import { testDevice } from "../support/device.ts";
import { fileTest } from "../support/file_test.ts";
import { tinyImagenetPolicy } from "./tiny_imagenet.ts";
import { writeTinyModels } from "./tiny_models.ts";

const settings = arpgMethod(3).settings({ guidance: 2, temperature: 1 }, 7);

await fileTest(
  "ImageNet models: files paint as openPainter's, and other sizes than the config's are told",
  () =>
    withTemporaryFolder(async (folder) => {
      const device = await testDevice();
      const { arpg, tokenizer } = await writeTinyModels(folder, 4);
      const files = [
        ...[`model.weights=${arpg}`, "model.dtype=float32", `tokenizer.weights=${tokenizer}`],
        `tokenizer.sizes=${JSON.stringify(tinyVqConfig)}`,
      ];
      const config = tinyImagenetPolicy(files);
      assert.equal(pictureSize(config), 8);
      using painter = await openImagenetPainter(device, config, 2 ** 26);
      using expected = await openPainter(device, arpg, tokenizer);
      const { images } = await painter.paint([1, 2], settings);
      assert.deepEqual(images, (await expected.paint([1, 2], settings)).images);

      await assertUserError(
        () =>
          openImagenetPainter(device, tinyImagenetPolicy([...files, "model.sizes=ARPG-L", "tokenizer.sizes=VQ-16"]), 1),
        `Cannot load ${tokenizer}: it has other sizes than tokenizer.sizes; set tokenizer.sizes=` +
          JSON.stringify({ ...tinyVqConfig, ch_mult: [1, 1] }),
      );
    }),
);

await fileTest("ImageNet models: a random generator is the same frozen and trainable, for a seed", async () => {
  const device = await testDevice();
  const config = tinyImagenetPolicy(["model.dtype=float32"]);
  using painter = await openImagenetPainter(device, config, 2 ** 26);
  const { codes } = await painter.paint([1, 2, 3], settings);
  painter.model.refresh(await loadImagenetGenerator(device, config));
  assert.deepEqual((await painter.paint([1, 2, 3], settings)).codes, codes);
  assert.ok(new Set(codes).size > 3, "tokens differ");
});

Deno.test("randomWeightsOf: gains and scalars 1, biases 0, all else of variance 1 / inputs, by seed", async () => {
  const shapes = new Map<string, readonly number[]>([
    ["scale", []],
    ["layer_norm1.weight", [4]],
    ["fc.bias", [4]],
    ["fc.weight", [200, 50]],
  ]);
  const values = async (
    name: string,
    seed = 1,
  ) => [...(await randomWeightsOf(shapes, seed).read(name)).data as Float32Array];
  assert.deepEqual([await values("scale"), await values("layer_norm1.weight")], [[1], [1, 1, 1, 1]]);
  assert.deepEqual(await values("fc.bias"), [0, 0, 0, 0]);
  const drawn = await values("fc.weight");
  const variance = drawn.reduce((sum, x) => sum + x * x, 0) / drawn.length;
  assert.ok(Math.abs(50 * variance - 1) < 0.05, `${variance}`);
  assert.ok(Math.abs(drawn.reduce((a, b) => a + b)) / drawn.length < 0.005);
  assert.deepEqual(await values("fc.weight"), drawn);
  assert.notDeepEqual(await values("fc.weight", 2), drawn);
});
