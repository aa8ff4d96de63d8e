import assert from "node:assert/strict";
import { ArpgDecoder } from "../../src/models/arpg_decoder.ts";
import { cellOrder, knownFirst } from "../../src/models/decode_order.ts";
import type { Guidance } from "../../src/models/decode_step.ts";
import { FrozenArpg } from "../../src/models/frozen_arpg.ts";
import { type Probe, ProbedDecoder, type ProbedDecoderOptions } from "../../src/models/probed_decoder.ts";
import type { Device } from "../../src/tensor/device.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { tinyArpg } from "./tiny_arpg.ts";

const cells = 16;
const degrees = [1, 2, 3, 4, 6, 8, 16];
/** Cells of each step of four samples. */
const plans = [[1, 3, 4, 8], [16], [4, 6, 6], [2, 2, 3, 1, 8]];
const steps = 5;
const batch = plans.length;

const requestOf = (samples: readonly number[]) => ({
  classes: Int32Array.from(samples, (sample) => sample % 3),
  order: Int32Array.from(samples.flatMap((sample) => [...cellOrder("random", cells, 4, sample)])),
  samples: Int32Array.from(samples),
  seed: 7,
});
const request = requestOf([0, 1, 2, 3]);

/** A choice that follows the plans in the order of the request, from the host. */
function scripted(device: Device, order: Int32Array, groups: readonly (readonly number[])[], known = 0) {
  const rows = groups.length;
  const choices = Array.from({ length: steps }, (_, step) => {
    const picks = new Int32Array(rows * cells).fill(-1), degree = new Int32Array(rows);
    groups.forEach((plan, b) => {
      const from = plan.slice(0, step).reduce((a, g) => a + g, known), count = plan[step] ?? 0;
      picks.set(order.subarray(b * cells + from, b * cells + from + count), b * cells);
      degree[b] = Math.max(0, degrees.indexOf(count));
    });
    return device.persistent(() => ({ degree: device.tensor(degree), picks: device.tensor(picks, [rows, cells]) }));
  });
  return ({ step }: Probe) => choices[step]!;
}

async function read(tensors: { readonly tokens: Tensor; readonly painted: Tensor; readonly cost?: Tensor }) {
  const { tokens, painted, cost } = tensors;
  const [ids, at, spent] = await tokens.device.read([tokens, painted, ...(cost ? [cost] : [])]);
  return { tokens: [...ids!], painted: [...at!], cost: spent && [...spent] };
}

function planTable(): Int32Array {
  const table = new Int32Array(steps * batch);
  plans.forEach((plan, b) => plan.forEach((group, t) => table[t * batch + b] = group));
  return table;
}

Deno.test("ProbedDecoder: choices of the orders and groups that ArpgDecoder is given paint the same, token for token", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const guidances: (Guidance | undefined)[] = [undefined, { scale: 2, form: "constant" }, { scale: 3, form: "linear" }];
  for (const guidance of guidances) {
    const model = await FrozenArpg.of(tinyArpg(device));
    const sampling = { batch, temperature: 1, topK: 9, ...(guidance ? { guidance } : {}) };
    using plain = new ArpgDecoder(model, { ...sampling, plan: { steps, mostKnown: 0, mostGroup: cells } });
    const expected = await read(plain.decode({ ...request, groups: planTable() }));
    using probed = new ProbedDecoder(model, {
      ...sampling,
      steps,
      degrees,
      choose: scripted(device, request.order, plans),
    });
    for (const _ of [1, 2]) {
      const { tokens, painted, cost } = await read(probed.decode(request));
      assert.deepEqual({ tokens, painted, cost: undefined }, expected);
      assert.deepEqual(cost, [4, 16 + 15 + 12 + 8, 1, 16, 3, 16 + 12 + 6, 5, 16 + 14 + 12 + 9 + 8]);
    }
    model.dispose();
  }
});

Deno.test("ProbedDecoder: the signals are those of the logits that chosen cells are decoded with", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = await FrozenArpg.of(tinyArpg(device, { vocab: 10 }));
  const guidance = { scale: 2, form: "constant" } as const;
  const logitsOf: Tensor[] = [];
  using plain = new ArpgDecoder(model, {
    batch: 1,
    guidance,
    temperature: 1,
    plan: { groups: plans[0]! },
    inspect: (_, logits) => logitsOf.push(logits),
  });
  const { classes, order, samples, seed } = requestOf([0]);
  plain.decode({ classes, order, samples, seed });
  const wanted = await Promise.all(logitsOf.map((logits) => logits.data()));
  const seen: Record<"signals" | "unpainted" | "remaining", Tensor>[] = [];
  const follow = scripted(device, order, [plans[0]!]);
  using probed = new ProbedDecoder(model, {
    batch: 1,
    guidance,
    temperature: 1,
    steps,
    degrees,
    choose: (probe, step) => {
      const { signals, unpainted, remaining } = probe;
      seen.push({ signals: step.keep(signals), unpainted: step.keep(unpainted), remaining: step.keep(remaining) });
      return follow(probe);
    },
  });
  probed.decode({ classes, order, samples, seed });
  let filled = 0;
  for (const [t, group] of plans[0]!.entries()) {
    const [signals, unpainted, remaining] = await device.read(Object.values(seen[t]!));
    const painted = new Set(order.subarray(0, filled));
    // Places in the order, from 1 up.
    const places = Array.from({ length: cells }, (_, cell) => painted.has(cell) ? 0 : order.indexOf(cell) - filled + 1);
    assert.deepEqual([...unpainted!], places);
    assert.deepEqual([...remaining!], [cells - filled]);
    for (const cell of painted) assert.deepEqual([...signals!.slice(3 * cell, 3 * cell + 3)], [0, 0, 0]);
    for (let i = 0; i < group; i++) {
      const cell = order[filled + i]!, cols = logitsOf[t]!.shape[1]!;
      const row = [...wanted[t]!.slice(i * cols, i * cols + 10)];
      const top = Math.max(...row), total = row.reduce((sum, x) => sum + Math.exp(x - top), 0);
      const p = row.map((x) => Math.exp(x - top) / total).sort((a, b) => b - a);
      const entropy = -p.reduce((sum, q) => sum + q * Math.log(q), 0) / Math.log(10);
      assertAllClose(
        [...signals!.slice(3 * cell, 3 * cell + 3)],
        [p[0]!, entropy, p[0]! - p[1]!],
        1e-5,
        `cell ${cell}`,
      );
    }
    filled += group;
  }
  model.dispose();
});

Deno.test("Decoders note the log-probability of every token under the logits it was drawn from", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  for (const temperature of [1, 0.7]) {
    const model = await FrozenArpg.of(tinyArpg(device, { vocab: 10 }));
    const guidance = { scale: 2, form: "linear" } as const;
    const sampling = { batch: 1, guidance, temperature, logProbs: true };
    const steps: Tensor[] = [];
    using plain = new ArpgDecoder(model, {
      ...sampling,
      plan: { groups: plans[0]! },
      inspect: (_, logits) => steps.push(logits),
    });
    const { classes, order, samples, seed } = requestOf([0]);
    const { tokens, logProbs } = plain.decode({ classes, order, samples, seed });
    const [ids, found] = await device.read([tokens, logProbs!]);
    let place = 0;
    for (const [t, group] of plans[0]!.entries()) {
      const values = await steps[t]!.data(), cols = steps[t]!.shape[1]!;
      for (let i = 0; i < group; i++, place++) {
        const row = [...values.slice(i * cols, i * cols + 10)].map((x) => x / temperature), cell = order[place]!;
        const lse = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
        assertAllClose([found![cell]!], [row[ids![cell]!]! - lse], 1e-5, `cell ${cell}`);
      }
    }
    const choose = scripted(device, order, [plans[0]!]);
    using probed = new ProbedDecoder(model, { ...sampling, steps: 5, degrees, choose });
    assertAllClose(await probed.decode({ classes, order, samples, seed }).logProbs!.data(), found!, 1e-5);
    model.dispose();
  }
});

/** How many cells of the first sample each step paints where the choices have degrees and no picks. */
async function groupsPainted(groups: readonly number[], options: Partial<ProbedDecoderOptions>): Promise<number[]> {
  const device = await testDevice();
  using _scope = device.scope();
  const model = await FrozenArpg.of(tinyArpg(device));
  const { classes, order, samples, seed } = requestOf([0]);
  const picks = device.tensor(new Int32Array(2).fill(-1), [1, 2]);
  const choices = groups.map((group) => ({ degree: device.tensor(Int32Array.of(degrees.indexOf(group))), picks }));
  const choose = ({ step }: Probe) => choices[step] ?? choices[0]!;
  using decoder = new ProbedDecoder(model, { batch: 1, temperature: 1, steps, degrees, choose, ...options });
  const { painted } = await read(decoder.decode({ classes, order, samples, seed }));
  model.dispose();
  const counts = new Array<number>(steps).fill(0);
  for (const step of painted) counts[step]!++;
  assert.equal(counts.reduce((a, b) => a + b), cells, "every cell is painted once");
  return counts;
}

Deno.test("ProbedDecoder: the last step paints what remains, missing picks are made up for, speed scales the degree", async () => {
  assert.deepEqual(await groupsPainted([1, 1, 1, 1, 1], {}), [1, 1, 1, 1, 12], "nothing is left behind");
  assert.deepEqual(await groupsPainted([2, 4, 4], { speed: 2 }), [4, 8, 4, 0, 0]);
  assert.deepEqual(await groupsPainted([2, 4, 8, 2], { speed: 0.5 }), [1, 2, 4, 1, 8]);
});

Deno.test("ProbedDecoder: known cells stay, are never probed, and samples are what they are alone", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const model = await FrozenArpg.of(tinyArpg(device));
  const mask = Uint8Array.from({ length: cells }, (_, cell) => cell % 3 === 0 ? 1 : 0), count = 6;
  const codes = Int32Array.from({ length: cells }, (_, cell) => cell % 7);
  const groups = [[1, 3, 6], [4, 6], [2, 8], [1, 1, 2, 6]];
  const orders = [0, 1, 2, 3].map((b) => knownFirst(request.order.subarray(b * cells, (b + 1) * cells), mask));
  const paint = async (chosen: readonly number[]) => {
    const order = Int32Array.from(chosen.flatMap((b) => [...orders[b]!]));
    const rows = chosen.length;
    const choose = scripted(device, order, chosen.map((b) => groups[b]!), count);
    using decoder = new ProbedDecoder(model, { batch: rows, temperature: 1, steps, degrees, mostKnown: count, choose });
    return await read(decoder.decode({
      ...requestOf(chosen),
      order,
      known: {
        tokens: Int32Array.from(chosen.flatMap(() => [...codes])),
        counts: new Int32Array(rows).fill(count),
      },
    }));
  };
  const together = await paint([0, 1, 2, 3]);
  together.tokens.forEach((token, i) => mask[i % cells] && assert.equal(token, codes[i % cells]));
  together.painted.forEach((step, i) => assert.equal(step === -1, mask[i % cells] === 1));
  for (const b of [0, 1, 2, 3]) {
    const { tokens, painted } = await paint([b]);
    assert.deepEqual(tokens, together.tokens.slice(b * cells, (b + 1) * cells));
    assert.deepEqual(painted, together.painted.slice(b * cells, (b + 1) * cells));
  }
  model.dispose();
});
