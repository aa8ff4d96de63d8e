/**
 * What samples that are done cost: decodes batches with the digits model in which some samples finish at the first step
 * and the others take one step a cell, and compares with batches of the others alone. Prints a table and writes it as
 * JSON. Run it on an idle machine:
 *
 *   deno task bench:ragged [FILE]
 */
import { ArpgDecoder } from "../src/models/arpg_decoder.ts";
import type { DecodeRequest } from "../src/models/decode_request.ts";
import { cellOrder } from "../src/models/decode_order.ts";
import { FrozenArpg } from "../src/models/frozen_arpg.ts";
import { loadArpg } from "../src/models/load_arpg.ts";
import { readSafetensors } from "../src/io/safetensors.ts";
import { writeFileAtomic } from "../src/io/atomic.ts";
import { Device } from "../src/tensor/device.ts";
import { printLine } from "../src/cli/terminal.ts";
import { median } from "./median.ts";

const file = new URL("../assets/digits_arpg.safetensors", import.meta.url).pathname;
const device = await Device.open();
const model = await FrozenArpg.of(loadArpg(device, await readSafetensors(file), file));
const { cells, classes } = model.config;
const guidance = { scale: 1.5, form: "constant" } as const;

/** A decoder of `slow` samples that take a step a cell and `quick` ones that take a single step. */
function decodingOf(slow: number, quick: number): { decoder: ArpgDecoder; request: DecodeRequest } {
  const batch = slow + quick;
  const groups = new Int32Array(cells * batch);
  for (let t = 0; t < cells; t++) {
    for (let b = 0; b < batch; b++) groups[t * batch + b] = b < slow ? 1 : cells;
  }
  const samples = Int32Array.from({ length: batch }, (_, b) => b);
  const order = Int32Array.from([...samples].flatMap((b) => [...cellOrder("random", cells, 1, b)]));
  const plan = { steps: cells, mostKnown: 0, mostGroup: quick ? cells : 1 };
  return {
    decoder: new ArpgDecoder(model, { batch, plan, guidance, temperature: 1 }),
    request: { classes: samples.map((b) => b % classes), order, samples, seed: 1, groups },
  };
}

const cases = [[4, 0], [4, 60], [0, 60], [16, 0], [16, 48], [0, 48]].map(([slow, quick]) => ({
  slow: slow!,
  quick: quick!,
  ...decodingOf(slow!, quick!),
  times: [] as number[],
}));
for (let round = 0; round < 6; round++) {
  for (const { decoder, request, times } of cases) {
    const begin = performance.now();
    await decoder.decode(request).tokens.data();
    if (round > 0) times.push(performance.now() - begin); // the first compiles
  }
}
const rows = cases.map(({ slow, quick, times }) => ({ slow, quick, milliseconds: median(times) }));
for (const { slow, quick, milliseconds } of rows) {
  printLine(`${slow} of ${cells} steps, ${quick} of one step: ${milliseconds.toFixed(1)} ms`);
}
const time = (slow: number, quick: number) =>
  rows.find((row) => row.slow === slow && row.quick === quick)!.milliseconds;
const overheads = [[4, 60], [16, 48]].map(([slow, quick]) => ({
  slow,
  quick,
  ratio: time(slow!, quick!) / (time(slow!, 0) + time(0, quick!)),
}));
for (const { slow, quick, ratio } of overheads) {
  printLine(`${slow} slow and ${quick} quick samples together take ${ratio.toFixed(2)} of both apart`);
}
if (Deno.args[0]) {
  const result = { adapter: device.gpu.adapter.name, date: new Date().toISOString().slice(0, 10), rows, overheads };
  await writeFileAtomic(Deno.args[0], new TextEncoder().encode(JSON.stringify(result, null, 2) + "\n"));
}
device.destroy();
