import assert from "node:assert/strict";
import type { PaintSettings } from "../../src/eval/arpg_painter.ts";
import { cellOrder } from "../../src/models/decode_order.ts";
import { groupSizes } from "../../src/models/decode_schedule.ts";
import { tinyArpgConfig } from "../models/tiny_arpg.ts";
import { testDevice } from "../support/device.ts";
import { tinyPainter } from "./tiny_painter.ts";

const { cells, vocab } = tinyArpgConfig;
const settings: PaintSettings = {
  schedule: "arccos",
  steps: 4,
  order: "random",
  guidance: { scale: 2, form: "constant" },
  temperature: 1,
  seed: 5,
};

const labels = [0, 1, 2, -1, 1];

Deno.test("ArpgPainter: a picture depends on its number and label, whatever is painted with it", async () => {
  using painter = await tinyPainter();
  const together = await painter.paint(labels, settings);
  assert.deepEqual([together.images.length, together.codes.length, together.painted.length], [5 * 64, 80, 80]);
  assert.ok(new Set(together.codes).size > 6, "codes of all kinds");
  for (const [i, label] of labels.entries()) {
    const alone = await painter.paint([label], settings, { first: i });
    assert.deepEqual(alone.codes, together.codes.slice(i * cells, (i + 1) * cells), `codes ${i}`);
    assert.deepEqual(alone.images, together.images.slice(i * 64, (i + 1) * 64), `picture ${i}`);
    assert.deepEqual(alone.painted, together.painted.slice(i * cells, (i + 1) * cells));
  }
  const later = await painter.paint(labels, settings, { first: 5 });
  const otherSeed = await painter.paint(labels, { ...settings, seed: 6 });
  for (const other of [later, otherSeed]) assert.notDeepEqual(other.codes, together.codes);
});

Deno.test("ArpgPainter: cells are painted when schedule and order say", async () => {
  using painter = await tinyPainter();
  const groups = groupSizes("arccos", 4, cells).flatMap((group, t) => Array<number>(group).fill(t));
  const { painted } = await painter.paint([0, 0], settings, { first: 7 });
  for (const i of [0, 1]) {
    const order = [...cellOrder("random", cells, settings.seed, 7 + i)];
    assert.deepEqual(order.map((cell) => painted[i * cells + cell]), groups);
  }
  const other = await painter.paint([0], { ...settings, orderSeed: 9 }, { first: 7 });
  assert.deepEqual([...cellOrder("random", cells, 9, 7)].map((cell) => other.painted[cell]), groups);
  // In one step no token depends on the order: only then the noise shows that it has stayed.
  const [one, same] = [{ ...settings, steps: 1 }, { ...settings, steps: 1, orderSeed: 9 }];
  assert.deepEqual((await painter.paint([0], one)).codes, (await painter.paint([0], same)).codes);
});

Deno.test("ArpgPainter: pictures are the tokenizer's, as bytes with the channels last", async () => {
  const device = await testDevice();
  using painter = await tinyPainter();
  const { images, codes } = await painter.paint([2], settings);
  using _scope = device.scope();
  const decoded = await painter.tokenizer.decode(device.tensor(codes, [1, cells])).data();
  const bytes = [...decoded].map((value) => Math.round(Math.min(255, Math.max(0, (value + 1) * 127.5))));
  assert.ok([...images].every((byte, i) => Math.abs(byte - bytes[i]!) <= 1), "nearest byte");
  assert.ok(new Set(images).size > 10);
});

Deno.test("ArpgPainter: known cells stay, each picture with its own; the rest is painted around them", async () => {
  using painter = await tinyPainter();
  const mask = new Uint8Array(3 * cells), codes = Int32Array.from({ length: 3 * cells }, (_, i) => (5 * i) % vocab);
  mask.fill(1, 0, 5);
  mask.fill(255, 2 * cells, 3 * cells); // everything
  const found = await painter.paint([0, 1, 2], settings, { known: { codes, mask } });
  for (let i = 0; i < 3 * cells; i++) {
    if (mask[i]) assert.equal(found.codes[i], codes[i], `known cell ${i}`);
    assert.equal(found.painted[i] === -1, mask[i] !== 0, `cell ${i}`);
  }
  assert.deepEqual(found.codes.slice(2 * cells), codes.slice(2 * cells), "everything known: the tokens come back");
  const free = await painter.paint([0, 1, 2], settings);
  assert.deepEqual(found.codes.slice(cells, 2 * cells), free.codes.slice(cells, 2 * cells), "nothing known: as ever");
  const all = await painter.paint([0], settings, { known: { codes: codes.slice(0, cells), mask: mask.slice(-cells) } });
  assert.deepEqual(all.codes, codes.slice(0, cells));
  assert.ok(all.painted.every((step) => step === -1));
});

Deno.test("ArpgPainter: one readback a batch, whatever its size, and warm batches take no new memory", async () => {
  const device = await testDevice();
  using painter = await tinyPainter();
  const { pool, recorder, readback, kernels } = device.gpu;
  const costOf = async (wanted: readonly number[]) => {
    await painter.paint(wanted, settings);
    const read = readback.read, before = { ...pool.counters, ...recorder.counters, compiled: kernels.compiled };
    let readbacks = 0;
    readback.read = (parts) => {
      readbacks++;
      return read.call(readback, parts);
    };
    await painter.paint(wanted, settings, { first: 20 });
    readback.read = read;
    assert.deepEqual([pool.counters.created, pool.counters.liveBytes], [before.created, before.liveBytes]);
    assert.equal(kernels.compiled, before.compiled);
    return { readbacks, submits: recorder.counters.submits - before.submits };
  };
  const one = await costOf([0]);
  assert.deepEqual(one, { readbacks: 1, submits: 2 }, "the decoding, then the tokenizer and the reading");
  assert.deepEqual(await costOf(labels), one);
});

Deno.test("ArpgPainter: gives the decoder's memory back", async () => {
  const device = await testDevice();
  const painter = await tinyPainter();
  const { liveBytes } = device.gpu.pool.counters;
  await painter.paint(labels, settings);
  await painter.paint([0, 1], { ...settings, steps: 3 });
  assert.ok(device.gpu.pool.counters.liveBytes > liveBytes);
  painter[Symbol.dispose]();
  assert.equal(device.gpu.pool.counters.liveBytes, liveBytes);
});
