import { type FeatureMatrix, productTiles, tileSize } from "./feature_products.ts";

/** All scalar products of the vectors of two sets, row-major `[M, N]`; of a set with itself symmetric. */
export function rowProducts(x: FeatureMatrix, y: FeatureMatrix): Float64Array {
  const all = new Float64Array(x.count * y.count);
  for (const { row, rows, column, columns, products } of productTiles(x, y)) {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const product = products[i * tileSize + j]!;
        all[(row + i) * y.count + column + j] = product;
        if (x === y) all[(column + j) * y.count + row + i] = product;
      }
    }
  }
  return all;
}
