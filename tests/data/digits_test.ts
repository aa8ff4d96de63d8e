import assert from "node:assert/strict";
import { type Digits, loadMnist, resizeDigits, splitDigits } from "../../src/data/digits.ts";
import { UserError } from "../../src/error.ts";

const sha256 = async (bytes: Uint8Array) =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", bytes.slice())).toHex();

/** Digits of one pixel whose grey level is their index, so that a picture can be followed through a split. */
const numbered = (count: number): Digits => ({
  images: Uint8Array.from({ length: count }, (_, i) => i),
  labels: Uint8Array.from({ length: count }, (_, i) => i % 10),
  size: 1,
  count,
});

Deno.test("loadMnist gives 10,000 digits of 28x28, every one of the ten classes, the same bytes for ever", async () => {
  const digits = await loadMnist();
  assert.deepEqual([digits.count, digits.size, digits.images.length], [10_000, 28, 7_840_000]);
  const counts = Array.from({ length: 10 }, (_, label) => digits.labels.filter((l) => l === label).length);
  assert.deepEqual(counts, [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]);
  assert.equal(await sha256(digits.images), "0768d16c5adea568dee18fa5e4e1acb117e9ec2c5d6b1dffe5fc29c1e61c1eca");
});

Deno.test("resizeDigits makes all 8x8 digits as Pillow 12 does, and keeps their brightness", async () => {
  const digits = await loadMnist();
  const small = resizeDigits(digits, 8);
  assert.deepEqual([small.size, small.count, small.images.length], [8, 10_000, 640_000]);
  assert.equal(small.labels, digits.labels);
  // The hash of the bytes that Pillow's Image.resize((8, 8), BILINEAR) gave for the same 10,000 images.
  assert.equal(await sha256(small.images), "cfbac549db4fb6bf8c1a44f173035a90ef6fcb8a6fd3c637e7815b5f14f01116");
  const mean = (bytes: Uint8Array) => bytes.reduce((a, b) => a + b, 0) / bytes.length;
  assert.ok(Math.abs(mean(small.images) - mean(digits.images)) < 0.25);
});

Deno.test("splitDigits gives two disjoint sets with their own labels", () => {
  const { train, test } = splitDigits(numbered(200), { train: 150, test: 50 });
  assert.deepEqual([train.count, test.count], [150, 50]);
  const all = [...train.images, ...test.images];
  assert.deepEqual(all.toSorted((a, b) => a - b), Array.from({ length: 200 }, (_, i) => i));
  assert.deepEqual([...train.labels, ...test.labels], all.map((i) => i % 10));
});

Deno.test("splitDigits is fixed, mixes the order, and keeps the test set whatever the training set's size", () => {
  const { train, test } = splitDigits(numbered(200), { train: 5, test: 5 });
  assert.deepEqual([...test.images], [0, 52, 34, 151, 178]);
  assert.deepEqual([...train.images], [42, 92, 120, 140, 135]);
  assert.deepEqual(splitDigits(numbered(200), { train: 100, test: 5 }).test, test);
});

Deno.test("splitDigits names sizes it cannot give", () => {
  assert.throws(
    () => splitDigits(numbered(10), { train: 8, test: 3 }),
    new UserError("Split: 8 train + 3 test digits wanted, but there are 10: ask for less"),
  );
  assert.throws(
    () => splitDigits(numbered(10), { train: 1.5, test: 3 }),
    new UserError("Split: train must be a whole number, got 1.5"),
  );
});
