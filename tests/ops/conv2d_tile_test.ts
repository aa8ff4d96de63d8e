import assert from "node:assert/strict";
import shader from "../../shaders/conv2d.wgsl" with { type: "text" };
import { geometryOf } from "../../src/ops/conv2d_geometry.ts";
import { blocksFit, correlateTiles, gradientsByTiles } from "../../src/ops/conv2d_tile.ts";
import { runOn } from "../../src/ops/op.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { deviceWith } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

Deno.test("blocksFit: where the table says so, from 16 channels on both sides", async () => {
  const [block, plain] = [await deviceWith({ conv2d: "block" }), await deviceWith({ conv2d: "plain" })];
  const of = (from: number, to: number) => geometryOf([1, from, 8, 8], [to, from, 3, 3], {});
  assert.deepEqual([[16, 16], [15, 64], [64, 15]].map(([a, b]) => blocksFit(block, of(a!, b!))), [true, false, false]);
  assert.equal(blocksFit(plain, of(16, 16)), false);
});

Deno.test("tiles of conv2d in workgroup memory give what registers give, and only what is wanted", async () => {
  const device = await deviceWith({ conv2d: "block" });
  using _scope = device.scope();
  const run = runOn(device, { name: "conv2d", text: shader }), random = seededRandom(8);
  const filled = (...shape: number[]) =>
    device.tensor(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random() - 0.5), shape);
  const x = filled(1, 17, 6, 5), weight = filled(19, 17, 3, 3), bias = filled(19);
  const geometry = geometryOf(x.shape, weight.shape, { padding: 1 });
  const dy = filled(1, 19, 6, 5), [one, other] = [device.empty(dy.shape), device.empty(dy.shape)];
  correlateTiles(run, x, weight, bias, one, geometry, true, false);
  correlateTiles(run, x, weight, bias, other, geometry, true, true);
  assertAllClose(await other.data(), await one.data(), 1e-5);
  const grads = (block: boolean) =>
    gradientsByTiles(run, [x, weight, one], dy, [true, true, true], geometry, block).map((grad) => grad!);
  const [registers, blocks] = [grads(false), grads(true)];
  for (const [i, grad] of blocks.entries()) assertAllClose(await grad.data(), await registers[i]!.data(), 1e-5, `${i}`);
  const some = gradientsByTiles(run, [x, weight, one], dy, [false, false, true], geometry, false);
  assert.deepEqual(some.map((grad) => grad === null), [true, true, false]);
});
