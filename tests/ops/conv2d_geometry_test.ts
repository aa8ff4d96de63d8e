import assert from "node:assert/strict";
import { geometryOf, splitRows, transposed } from "../../src/ops/conv2d_geometry.ts";

/** Pixels of the source that a target pixel gathers, in one direction, by the rule of conv2d.wgsl. */
function gathered(
  { kernel_h, step, tap, divide, origin_y, source_h }: ReturnType<typeof geometryOf>,
  target: number,
): number[] {
  const places = Array.from({ length: kernel_h }, (_, k) => target * step + k * tap + origin_y);
  return places.filter((place) => place % divide === 0).map((place) => place / divide)
    .filter((y) => y >= 0 && y < source_h);
}

Deno.test("geometryOf: sizes of the result, and the pixels of each window", () => {
  const geometry = geometryOf([2, 3, 7, 9], [4, 3, 3, 2], { stride: 2, padding: 1 });
  assert.deepEqual([geometry.target_channels, geometry.target_h, geometry.target_w], [4, 4, 5]);
  assert.deepEqual([0, 1, 2, 3].map((y) => gathered(geometry, y)), [[0, 1], [1, 2, 3], [3, 4, 5], [5, 6]]);
});

Deno.test("transposed: a pixel gathers from the windows that gathered it, and twice is once", () => {
  for (const options of [{ stride: 2, padding: 1 }, { stride: 1, padding: 0 }, { stride: 3, padding: 2 }]) {
    const forward = geometryOf([1, 1, 11, 11], [1, 1, 5, 5], options), back = transposed(forward);
    for (let y = 0; y < forward.source_h; y++) {
      const windows = [...Array(forward.target_h).keys()].filter((target) => gathered(forward, target).includes(y));
      assert.deepEqual(gathered(back, y).toSorted((a, b) => a - b), windows, `pixel ${y}, ${JSON.stringify(options)}`);
    }
    const { step: _, tap: __, divide: ___, origin_y: ____, origin_x: _____, ...sizes } = transposed(back);
    for (const [name, size] of Object.entries(sizes)) assert.equal(size, forward[name as keyof typeof forward], name);
  }
});

Deno.test("splitRows: parts cover all rows, and no lane sums over more than it may loop", () => {
  for (const [batch, side] of [[1, 4], [64, 32], [16, 500], [1, 8191]] as const) {
    const geometry = geometryOf([batch, 1, side, side], [1, 1, 1, 1], {});
    const { parts, rows_per_part } = splitRows(geometry, 1);
    assert.ok(parts * rows_per_part >= batch * side && (parts - 1) * rows_per_part < batch * side);
    assert.ok(rows_per_part * (side + 1) <= 8192, `${batch} images of ${side}: ${rows_per_part} rows`);
  }
});
