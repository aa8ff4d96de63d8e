import assert from "node:assert/strict";
import { blockProduct, blockSuits } from "../../src/ops/matmul_block.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { deviceWith } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

const product = { layout: "nn", batch: 1, m: 16, n: 16, k: 16, sharedW: true } as const;

Deno.test("blockSuits: where the table says so, unless the product is tiny", async () => {
  const [block, plain] = [await deviceWith({ matmul: "block128" }), await deviceWith({ matmul: "plain" })];
  assert.equal(blockSuits(block, product), true);
  assert.equal(blockSuits(block, { ...product, k: 15 }), false);
  assert.equal(blockSuits(plain, product), false);
});

Deno.test("blockProduct: a long sum is cut into parts, and bias and activation come once, at its end", async () => {
  const device = await deviceWith({ matmul: "block64" });
  using _scope = device.scope();
  const sizes = { ...product, m: 5, n: 9, k: 700 };
  const random = seededRandom(2), list = (length: number) => Float32Array.from({ length }, () => random() - 0.5);
  const [a, w, bias] = [list(5 * 700), list(700 * 9), list(9)], out = device.empty([5, 9]);
  blockProduct(device, sizes, device.tensor(a), device.tensor(w), out, device.tensor(bias), 1);
  const wanted = Array.from({ length: 45 }, (_, i) => {
    let sum = bias[i % 9]!;
    for (let j = 0; j < 700; j++) sum += a[Math.floor(i / 9) * 700 + j]! * w[j * 9 + i % 9]!;
    return Math.max(sum, 0);
  });
  assertAllClose(await out.data(), wanted, 1e-5);
});
