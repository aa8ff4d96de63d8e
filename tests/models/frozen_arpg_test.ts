import assert from "node:assert/strict";
import { arpgPresets, arpgShapes } from "../../src/models/arpg_config.ts";
import { FrozenArpg } from "../../src/models/frozen_arpg.ts";
import { padded } from "../../src/models/frozen_weights.ts";
import { sizeOf } from "../../src/tensor/shape.ts";
import { testDevice } from "../support/device.ts";
import { tinyArpgConfig } from "./tiny_arpg.ts";

/** Weights of the tiny model that count how often they are read. */
function source(changes: Record<string, { dtype: string; shape: readonly number[] } | null> = {}) {
  const reads: string[] = [];
  const entries = new Map([...arpgShapes(tinyArpgConfig)].map(([name, shape]) => [name, { dtype: "F32", shape }]));
  for (const [name, entry] of Object.entries(changes)) {
    if (entry) entries.set(name, entry);
    else entries.delete(name);
  }
  const read = (name: string) => {
    reads.push(name);
    const { shape } = entries.get(name)!;
    return { shape, data: new Float32Array(sizeOf(shape)).fill(0.1) };
  };
  return { entries, read, reads };
}

Deno.test("FrozenArpg.from: reads every weight once, one after the other, and passes over tables of angles", async () => {
  const device = await testDevice();
  const weights = source({ freqs_cis: { dtype: "F32", shape: [17, 8, 2] } });
  const frozen = await FrozenArpg.from(device, tinyArpgConfig, weights);
  assert.deepEqual(weights.reads.toSorted(), [...arpgShapes(tinyArpgConfig).keys()].sort());
  assert.equal(frozen.head.out, tinyArpgConfig.vocab);
  frozen.dispose();
});

Deno.test("FrozenArpg.from: all that does not fit is named at once, before anything is read or allocated", async () => {
  const device = await testDevice();
  const weights = source({
    "head.weight": null,
    "norm.weight": { dtype: "I64", shape: [32] },
    "layers.to_k.weight": { dtype: "F16", shape: [32, 16] },
    "to_q.weight": { dtype: "F32", shape: [1] },
  });
  const { created } = device.gpu.pool.counters;
  await assert.rejects(FrozenArpg.from(device, tinyArpgConfig, weights), {
    name: "UserError",
    message: "Cannot load weights: 1 of 39 parameters missing: head.weight [12, 32]; 2 of another shape or type: " +
      "layers.to_k.weight is F16 [32, 16], wanted f32 [32, 32], norm.weight is I64 [32], wanted f32 [32]; 1 " +
      "unexpected: to_q.weight [1]; pass the weights of this model",
  });
  assert.deepEqual(weights.reads, []);
  assert.equal(device.gpu.pool.counters.created, created);
});

Deno.test("FrozenArpg: no weight of the published models needs more than 8192 rows of a texture", () => {
  for (const [preset, config] of Object.entries(arpgPresets)) {
    const shapes = arpgShapes(config);
    const [ffn] = shapes.get("layers.self_dec.0.ffn.w1.weight") as [number, number];
    const { dim, vocab } = config;
    const packed = [[dim, 3 * dim], [dim, 2 * padded(ffn, 32)], [ffn, dim], [dim, vocab]];
    const largest = Math.max(...[shapes.get("embeddings.weight")!, ...packed].map((shape) => sizeOf(shape)));
    assert.ok(largest / 4 / 1024 <= 8192, `${preset}: ${largest} elements`);
  }
});
