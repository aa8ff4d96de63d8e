import assert from "node:assert/strict";
import { shiftDigits } from "../../src/data/shift.ts";

const size = 5, area = size * size;
const key = { seed: 7, stream: 3, step: 11 };

/** Images with one bright pixel in the middle and a mark in every corner. */
function marked(count: number): Uint8Array {
  const images = new Uint8Array(count * area);
  for (let i = 0; i < count; i++) {
    images[i * area + 12] = 200;
    [0, 4, 20, 24].forEach((corner, n) => images[i * area + corner] = 10 + n);
  }
  return images;
}

Deno.test("shiftDigits: every move up to the most, evenly often, and nothing else changes", () => {
  const count = 5000, most = 2;
  const images = marked(count), before = images.slice();
  const moved = shiftDigits(images, size, most, key);
  assert.deepEqual(images, before, "the given images stay");
  const seen = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    const image = moved.subarray(i * area, (i + 1) * area);
    const middle = image.indexOf(200);
    seen.set(middle, (seen.get(middle) ?? 0) + 1);
    const down = Math.floor(middle / size) - 2, right = middle % size - 2;
    const expected = new Uint8Array(area);
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const from = [y - down, x - right] as const;
        const inside = from.every((c) => c >= 0 && c < size);
        expected[y * size + x] = inside ? before[from[0] * size + from[1]]! : 0;
      }
    }
    assert.deepEqual(image, expected, `image ${i}`);
  }
  assert.equal(seen.size, (2 * most + 1) ** 2);
  const expected = count / seen.size;
  const chiSquare = [...seen.values()].reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  assert.ok(chiSquare < 52, `chi-square of 24 degrees of freedom: ${chiSquare}`); // exceeded once in 1,000
});

Deno.test("shiftDigits: the key decides, and zero pixels move nothing", () => {
  const images = marked(20);
  const move = (changes: Partial<typeof key>, most = 2) => shiftDigits(images, size, most, { ...key, ...changes });
  assert.deepEqual(move({}), move({}));
  for (const changed of [{ seed: 8 }, { stream: 4 }, { step: 12 }]) assert.notDeepEqual(move(changed), move({}));
  assert.deepEqual(move({}, 0), images);
});
