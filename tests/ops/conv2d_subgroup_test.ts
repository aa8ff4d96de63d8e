import assert from "node:assert/strict";
import shader from "../../shaders/conv2d.wgsl" with { type: "text" };
import { geometryOf } from "../../src/ops/conv2d_geometry.ts";
import { correlateTexels, gradientsByTexels, subgroupsFit } from "../../src/ops/conv2d_subgroup.ts";
import { imageInTexels } from "../../src/ops/conv2d_texels.ts";
import { correlateTiles, gradientsByTiles } from "../../src/ops/conv2d_tile.ts";
import { runOn } from "../../src/ops/op.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { deviceWith } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

const ignore = (await deviceWith({ conv2d: "lane" })).gpu.adapter.subgroupSize !== 8;

Deno.test("subgroupsFit: where the table says so, for images that fit textures", async () => {
  const [lane, plain] = [await deviceWith({ conv2d: "lane" }), await deviceWith({ conv2d: "plain" })];
  const geometry = geometryOf([2, 3, 8, 8], [4, 3, 3, 3], {});
  assert.deepEqual([subgroupsFit(lane, geometry), subgroupsFit(plain, geometry)], [true, false]);
  assert.equal(subgroupsFit(lane, { ...geometry, batch: 2 ** 40 }), false);
});

Deno.test(
  { name: "subgroup kernels of conv2d give what tiles give, with and without a ReLU (needs llvmpipe)", ignore },
  async () => {
    const device = await deviceWith({ conv2d: "lane" });
    using _scope = device.scope();
    const run = runOn(device, { name: "conv2d", text: shader }), random = seededRandom(6);
    const filled = (...shape: number[]) =>
      device.tensor(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random() - 0.5), shape);
    for (const [channels, out, relu] of [[1, 6, true], [3, 33, false], [20, 40, true]] as const) {
      const x = filled(2, channels, 7, 9), weight = filled(out, channels, 3, 2), bias = filled(out);
      const geometry = geometryOf(x.shape, weight.shape, { padding: 1, stride: 2 });
      const shape = [2, out, geometry.target_h, geometry.target_w], dy = filled(...shape), all = [true, true, true];
      const [y, tiled] = [device.empty(shape), device.empty(shape)], texels = imageInTexels(x, null, geometry);
      correlateTexels(texels, weight, bias, y, geometry, relu);
      correlateTiles(run, x, weight, bias, tiled, geometry, relu, false);
      assertAllClose(await y.data(), await tiled.data(), 1e-5, `y of ${channels} to ${out}`);
      // Both by the same y: a value near 0 may have either sign.
      const saved = [x, weight, relu ? y : null] as const;
      const lanes = gradientsByTexels(texels, saved, dy, all, geometry);
      const tiles = gradientsByTiles(run, saved, dy, all, geometry, false);
      for (const [i, name] of ["dx", "dweight", "dbias"].entries()) {
        assertAllClose(await lanes[i]!.data(), await tiles[i]!.data(), 1e-5, `${name} of ${channels} to ${out}`);
      }
    }
  },
);
