import assert from "node:assert/strict";
import { byteOf, levelOf, placesOf, sequenceBatch, Shuffler } from "../../src/data/pixel_sequences.ts";

Deno.test("levels of bytes: the nearest; every level comes back from its byte, for every number of levels", () => {
  for (let levels = 2; levels <= 256; levels++) {
    const bytes = Array.from({ length: levels }, (_, level) => byteOf(level, levels));
    assert.deepEqual(bytes.map((byte) => levelOf(byte, levels)), [...bytes.keys()]);
    assert.deepEqual([bytes[0], bytes.at(-1)], [0, 255]);
  }
  assert.deepEqual([0, 42, 43, 127, 128, 212, 213, 255].map((byte) => levelOf(byte, 4)), [0, 0, 1, 1, 2, 2, 3, 3]);
});

Deno.test("sequenceBatch: begins with the class, predicts every pixel from those before it", () => {
  const digits = {
    images: Uint8Array.of(0, 85, 170, 255, 250, 3, 9, 80),
    labels: Uint8Array.of(2, 1),
    size: 2,
    count: 2,
  };
  const { inputs, places, targets } = sequenceBatch(digits, [1, 0], { levels: 4, classes: 3 });
  assert.deepEqual([...targets], [3, 0, 0, 1, 0, 1, 2, 3]);
  assert.deepEqual([...inputs], [4 + 1, 3, 0, 0, 4 + 2, 0, 1, 2]);
  assert.deepEqual([...places], [1, 4, 7, 10, 2, 5, 8, 11]);
  assert.deepEqual(placesOf([1, 2], 4, 3), places);
});

Deno.test("Shuffler: every epoch shows each digit at most once, in an order of its own", () => {
  const shuffler = new Shuffler(11, 3, 5);
  assert.equal(shuffler.batchesPerEpoch, 3);
  const epochs = [0, 1].map((epoch) => [0, 1, 2].flatMap((i) => [...shuffler.batch(epoch * 3 + i)]));
  for (const epoch of epochs) {
    assert.equal(new Set(epoch).size, 9);
    assert.ok(epoch.every((index) => index < 11));
  }
  assert.notDeepEqual(epochs[0], epochs[1]);
});

Deno.test("Shuffler: a batch depends on seed and number only", () => {
  const shuffler = new Shuffler(40, 8, 5);
  const batches = Array.from({ length: 12 }, (_, n) => [...shuffler.batch(n)]);
  const resumed = new Shuffler(40, 8, 5);
  assert.deepEqual([...resumed.batch(7)], batches[7]);
  assert.deepEqual([...resumed.batch(2)], batches[2]);
  assert.notDeepEqual([...new Shuffler(40, 8, 6).batch(7)], batches[7]);
});

Deno.test("Shuffler: refuses batches larger than the data", () => {
  assert.throws(() => new Shuffler(20, 64, 1), {
    name: "UserError",
    message: "Cannot make batches of 64 from 20 digits: lower the batch size, or raise data.train",
  });
  assert.equal(new Shuffler(20, 20, 1).batchesPerEpoch, 1);
});
