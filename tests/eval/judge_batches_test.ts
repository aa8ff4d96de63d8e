import assert from "node:assert/strict";
import { type Augmentation, JudgeBatches } from "../../src/eval/judge_batches.ts";
import { negativeImage } from "../../src/eval/negative_images.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { syntheticDigits } from "./synthetic_digits.ts";

const digits = syntheticDigits(150, 1);

/** A picture of the batch; the digits themselves are there in bytes / 255. */
const picture = (images: Float32Array, row: number) => images.subarray(row * 64, row * 64 + 64);

Deno.test("JudgeBatches: an epoch shows each digit at most once, half of them as they are, the rest slightly moved", () => {
  const batches = new JudgeBatches(digits, 5);
  assert.deepEqual([batches.rows, batches.perEpoch], [72, 2]);
  const known = new Map<string, number>();
  for (let n = 0; n < digits.count; n++) {
    known.set(String(Float32Array.from(digits.images.subarray(n * 64, n * 64 + 64), (level) => level / 255)), n);
  }
  const seen: number[] = [];
  for (const number of [0, 1]) {
    batches.fill(0, number);
    for (let row = 0; row < 64; row++) {
      const n = known.get(String(picture(batches.images, row)));
      const target = [...batches.targets.subarray(row * 10, row * 10 + 10)];
      assert.deepEqual([...target].sort(), [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
      if (n === undefined) continue;
      seen.push(n);
      assert.equal(target.indexOf(1), digits.labels[n]);
    }
  }
  assert.equal(new Set(seen).size, seen.length);
  assert.ok(seen.length > 40 && seen.length < 90, `${seen.length} of 128 unchanged`);
  assert.ok(batches.images.every((value) => value >= 0 && value <= 1));
});

Deno.test("JudgeBatches: a batch is a function of seed, epoch and number", () => {
  const batch = (seed: number, epoch: number, number: number) => {
    const batches = new JudgeBatches(digits, seed);
    batches.fill(epoch, number);
    return [...batches.images, ...batches.targets];
  };
  const one = batch(5, 1, 1);
  const batches = new JudgeBatches(digits, 5);
  for (const [epoch, number] of [[0, 0], [0, 1], [1, 0], [1, 1]] as const) batches.fill(epoch, number);
  assert.deepEqual([...batches.images, ...batches.targets], one);
  for (const other of [batch(6, 1, 1), batch(5, 0, 1), batch(5, 1, 0)]) assert.notDeepEqual(other, one);
});

Deno.test("JudgeBatches: the augmentation says how many digits move and how far, at any size", () => {
  const size = 28;
  const images = new Uint8Array(64 * size * size);
  for (let n = 0; n < 64; n++) images[n * size * size + 14 * size + 14] = 255; // a dot in the middle
  const dots = { images, labels: new Uint8Array(64), size, count: 64 };
  /** Centres of the dots, pixels from the middle. */
  const centres = (change: Partial<Augmentation>) => {
    const none = { share: 1, rotation: 0, scale: 0, shear: 0, shift: 0 };
    const batches = new JudgeBatches(dots, 5, { ...none, ...change });
    batches.fill(0, 0);
    return Array.from({ length: 64 }, (_, n) => {
      const picture = batches.images.subarray(n * size * size, (n + 1) * size * size);
      const total = picture.reduce((sum, value) => sum + value);
      return picture.reduce((sum, value, i) => sum + value * (i % size - 14), 0) / total;
    });
  };
  assert.deepEqual(centres({ share: 0, shift: 0.4 }), Array(64).fill(0));
  assertAllClose(centres({}), Array(64).fill(0), 1e-5);
  const moved = centres({ shift: 0.4 }).map(Math.abs); // at most 0.4 eighths of 28 pixels: 1.4
  assert.ok(Math.max(...moved) > 1 && Math.max(...moved) <= 1.4, `${Math.max(...moved)}`);
  const half = centres({ share: 0.5, shift: 0.4 }).filter((x) => x !== 0);
  assert.ok(half.length > 20 && half.length < 44, `${half.length} of 64 moved`);
});

Deno.test("JudgeBatches: negatives have uniform targets", () => {
  const batches = new JudgeBatches(digits, 5);
  for (const number of [0, 1]) {
    batches.fill(0, number);
    assertAllClose(batches.targets.subarray(640), Array(80).fill(0.1), 1e-7);
  }
});

Deno.test("negativeImage: shuffled, rolled, noise, constant", () => {
  const digit = digits.images.subarray(0, 64);
  const [shuffled, rolled, noise, constant] = [0, 1, 2, 3].map((row) => {
    const out = new Float32Array(64);
    negativeImage(digit, out, [9, row], [1, 2]);
    return [...out];
  });
  const levels = [...Float32Array.from(digit, (level) => level / 255)];
  assert.notDeepEqual(shuffled, levels);
  assert.deepEqual(shuffled!.sort(), [...levels].sort());
  assert.deepEqual(rolled, levels.map((_, i) => levels[(Math.floor(i / 8) + 4) % 8 * 8 + (i + 4) % 8]));
  assert.ok(new Set(noise).size > 5 && noise!.every((value) => value >= 0 && value < 1));
  assert.equal(new Set(constant).size, 1);
});

Deno.test("JudgeBatches: too few digits are refused", () => {
  assert.throws(() => new JudgeBatches(syntheticDigits(63, 1), 1), {
    name: "UserError",
    message: "Cannot train a judge on 63 digits: wanted at least 64; raise data.train",
  });
});
