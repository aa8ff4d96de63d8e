import assert from "node:assert/strict";
import {
  hasTiles,
  inTexture,
  type Layout,
  product,
  sumRows,
  transposeInTexture,
} from "../../src/ops/matmul_product.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { deviceWith, testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

/** `batch` matrices; `at(m, k)` and `of(k, n)` say where a layout keeps their elements. */
const layouts: Readonly<
  Record<
    Layout,
    (sizes: { m: number; n: number; k: number }) => {
      at: (m: number, k: number) => number;
      of: (k: number, n: number) => number;
    }
  >
> = {
  nn: ({ n, k }) => ({ at: (i, j) => i * k + j, of: (j, c) => j * n + c }),
  nt: ({ k }) => ({ at: (i, j) => i * k + j, of: (j, c) => c * k + j }),
  tn: ({ m, n }) => ({ at: (i, j) => j * m + i, of: (j, c) => j * n + c }),
};

const noLanes = (await testDevice()).gpu.adapter.subgroupSize !== 8;

for (const family of ["plain", "lane", "block64"] as const) {
  const ignore = family === "lane" && noLanes;
  Deno.test({ name: `product, ${family}: every layout, shared and own w, bias and epilogue`, ignore }, async () => {
    const device = await deviceWith({ matmul: family });
    using _scope = device.scope();
    for (const [name, layout] of Object.entries(layouts)) {
      for (
        const { batch, m, n, k, sharedW } of [
          { batch: 1, m: 3, n: 5, k: 7, sharedW: true },
          { batch: 2, m: 20, n: 68, k: 96, sharedW: false },
          { batch: 2, m: 20, n: 68, k: 96, sharedW: true },
        ]
      ) {
        const random = seededRandom(m), list = (length: number) => Float32Array.from({ length }, () => random() - 0.5);
        const [a, w, bias] = [list(batch * m * k), list((sharedW ? 1 : batch) * k * n), list(n)];
        const { at, of } = layout({ m, n, k });
        const wanted = Array.from({ length: batch * m * n }, (_, i) => {
          const b = Math.floor(i / (m * n)), row = Math.floor(i / n) % m, column = i % n;
          let sum = bias[column]!;
          for (let j = 0; j < k; j++) sum += a[b * m * k + at(row, j)]! * w[(sharedW ? 0 : b * k * n) + of(j, column)]!;
          return Math.max(sum, 0);
        });
        const out = device.empty([batch, m, n]);
        const sizes = { layout: name as Layout, batch, m, n, k, sharedW };
        product(device, sizes, device.tensor(a), device.tensor(w), out, device.tensor(bias), "relu");
        assertAllClose(await out.data(), wanted, 1e-5, `${name} ${batch}x${m}x${n}x${k}`);
      }
    }
  });
}

const lanes = {
  name: "product: operands that are textures already give what buffers give (needs llvmpipe)",
  ignore: noLanes,
};
Deno.test(lanes, async () => {
  const device = await deviceWith({ matmul: "lane" });
  using _scope = device.scope();
  const random = seededRandom(5), list = (length: number) => Float32Array.from({ length }, () => random() - 0.5);
  const a = device.tensor(list(64 * 64), [64, 64]), w = device.tensor(list(64 * 32), [64, 32]);
  const sizes = { layout: "nn", batch: 1, m: 64, n: 32, k: 64, sharedW: true } as const;
  const [one, other, third] = [0, 1, 2].map(() => device.empty([64, 32])) as [typeof a, typeof a, typeof a];
  const texture = inTexture(w);
  assert.equal(inTexture(texture), texture);
  product(device, sizes, a, w, one);
  product(device, sizes, inTexture(a), texture, other);
  assert.deepEqual(await other.data(), await one.data());
  product(device, { ...sizes, layout: "nt" }, a, transposeInTexture(w), third);
  assertAllClose(await third.data(), await one.data(), 1e-6);
});

Deno.test("hasTiles: sizes divisible by 4, where the table says so", async () => {
  // Launches nothing.
  const lane = await deviceWith({ matmul: "lane" }), plain = await deviceWith({ matmul: "plain" });
  assert.deepEqual([[8, 4], [8, 6], []].map((sizes) => hasTiles(lane, sizes)), [true, false, true]);
  assert.equal(hasTiles(plain, [8, 4]), false);
});

Deno.test("sumRows: columns of few and of many rows, in tiles and in levels", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  for (const [rows, n] of [[1, 3], [129, 5], [20_000, 12]] as const) {
    const random = seededRandom(rows), values = Float32Array.from({ length: rows * n }, () => random() - 0.5);
    const wanted = Array.from({ length: n }, (_, c) => {
      let sum = 0;
      for (let row = 0; row < rows; row++) sum += values[row * n + c]!;
      return sum;
    });
    const found = sumRows(device, device.tensor(values, [rows, n]), rows, n);
    assertAllClose(await found.data(), wanted, 1e-4, `${rows} rows`);
  }
});
