import assert from "node:assert/strict";
import { featureMatrix, productTiles, tileSize } from "../../src/eval/feature_products.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { randomFeatures } from "./random_features.ts";

for (const [m, n, d] of [[1, 1, 1], [3, 67, 5], [130, 64, 7], [65, 129, 128]] as const) {
  Deno.test(`productTiles: every product of ${m} and ${n} vectors of ${d} once`, () => {
    const a = randomFeatures(m, d, 1), b = randomFeatures(n, d, 2);
    const found = new Float64Array(m * n).fill(NaN);
    for (const tile of productTiles(featureMatrix("test", a, d), featureMatrix("test", b, d))) {
      for (let i = 0; i < tile.rows; i++) {
        for (let j = 0; j < tile.columns; j++) {
          const at = (tile.row + i) * n + tile.column + j;
          assert.ok(Number.isNaN(found[at]), "came twice");
          found[at] = tile.products[i * tileSize + j]!;
        }
      }
    }
    const wanted = Float64Array.from({ length: m * n }, (_, at) => {
      let sum = 0;
      for (let k = 0; k < d; k++) sum += a[Math.floor(at / n) * d + k]! * b[at % n * d + k]!;
      return sum;
    });
    assertAllClose(found, wanted, 1e-14);
  });
}

Deno.test("productTiles: of a set with itself the lower tiles, its diagonal bit for bit the squared norms", () => {
  const x = featureMatrix("test", randomFeatures(150, 9, 3), 9);
  const places: number[][] = [];
  for (const { row, rows, column, products } of productTiles(x, x)) {
    places.push([row, column]);
    for (let i = 0; row === column && i < rows; i++) assert.equal(products[i * tileSize + i], x.squaredNorms[row + i]);
  }
  assert.deepEqual(places, [[0, 0], [64, 0], [64, 64], [128, 0], [128, 64], [128, 128]]);
});

Deno.test("featureMatrix refuses parts of vectors and numbers that are not finite", () => {
  const refuses = (features: number[], message: string) =>
    assert.throws(() => featureMatrix("compare", features, 2), { name: "RangeError", message });
  refuses([1, 2, 3], "Cannot compare: wanted whole vectors of 2, got 3 numbers");
  refuses([], "Cannot compare: wanted whole vectors of 2, got 0 numbers");
  refuses([1, 2, NaN, 4], "Cannot compare: features must be finite, vector 1 is not");
});
