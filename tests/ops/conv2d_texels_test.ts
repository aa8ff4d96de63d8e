import assert from "node:assert/strict";
import { geometryOf } from "../../src/ops/conv2d_geometry.ts";
import { correlateTexels, gradientsByTexels } from "../../src/ops/conv2d_subgroup.ts";
import { imageInTexels, weightInTexels } from "../../src/ops/conv2d_texels.ts";
import { deviceWith } from "../support/device.ts";
import { assertAllClose } from "../support/assert_all_close.ts";

const ignore = (await deviceWith({ conv2d: "lane" })).gpu.adapter.subgroupSize !== 8;

Deno.test("texels hold four channels each, with room for the bias behind the weights", async () => {
  const device = await deviceWith({ conv2d: "lane" });
  using _scope = device.scope();
  const x = device.zeros([2, 5, 3, 4]), weight = device.zeros([6, 5, 3, 2]);
  const geometry = geometryOf(x.shape, weight.shape, { padding: 1 });
  assert.deepEqual(imageInTexels(x, null, geometry).shape, [2, 3, 4, 8]);
  assert.deepEqual(weightInTexels(weight, undefined, geometry).shape, [3 * 2 * 8 + 1, 8]);
});

Deno.test({ name: "imageInTexels: a pixel is 0 where the mask is not positive (needs llvmpipe)", ignore }, async () => {
  const device = await deviceWith({ conv2d: "lane" });
  using _scope = device.scope();
  // A window of one pixel with weights of 1 adds the channels of the pixel.
  for (const [height, width] of [[2, 2], [3, 3]] as const) {
    const area = height * width, shape = [1, 2, height, width];
    const image = device.tensor(Float32Array.from({ length: 2 * area }, (_, i) => i + 1), shape);
    const mask = device.tensor(Float32Array.from({ length: 2 * area }, (_, i) => i % 3 - 1), shape);
    const weight = device.full([1, 2, 1, 1], 1), geometry = geometryOf(shape, weight.shape, {});
    const added = async (texels: ReturnType<typeof imageInTexels>) => {
      const out = device.empty([1, 1, height, width]);
      correlateTexels(texels, weight, undefined, out, geometry, false);
      return [...await out.data()];
    };
    const channels = (keep: (i: number) => boolean) =>
      Array.from({ length: area }, (_, p) => [p, area + p].reduce((sum, i) => sum + (keep(i) ? i + 1 : 0), 0));
    assert.deepEqual(await added(imageInTexels(image, null, geometry)), channels(() => true));
    assert.deepEqual(await added(imageInTexels(image, mask, geometry)), channels((i) => i % 3 === 2));
    const grads = gradientsByTexels(
      imageInTexels(image, null, geometry),
      [image, weight, null],
      device.full([1, 1, height, width], 1),
      [false, true, true],
      geometry,
    );
    const sums = [0, 1].map((c) => Array.from({ length: area }, (_, p) => c * area + p + 1).reduce((a, b) => a + b));
    assert.equal(grads[0], null);
    assertAllClose(await grads[1]!.data(), sums, 1e-6);
    assertAllClose(await grads[2]!.data(), [area], 1e-6);
  }
});
