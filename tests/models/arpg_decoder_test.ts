import assert from "node:assert/strict";
import { Gpu } from "../../src/gpu/gpu.ts";
import type { Arpg } from "../../src/models/arpg.ts";
import { ArpgDecoder, type ArpgDecoderOptions } from "../../src/models/arpg_decoder.ts";
import { cellOrder, type DecodeOrder, knownFirst } from "../../src/models/decode_order.ts";
import type { DecodeRequest } from "../../src/models/decode_request.ts";
import { groupSizes } from "../../src/models/decode_schedule.ts";
import { FrozenArpg } from "../../src/models/frozen_arpg.ts";
import type { FrozenDtype } from "../../src/models/frozen_weights.ts";
import { logSoftmax } from "../../src/ops/log_softmax.ts";
import { Device } from "../../src/tensor/device.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { deviceWith, testDevice } from "../support/device.ts";
import { tinyArpg } from "./tiny_arpg.ts";

const cells = 16;
const guidance = { scale: 2, form: "linear" } as const;

/** Orders of the samples, a row each. */
function orders(samples: readonly number[], rule: DecodeOrder = "random"): Int32Array {
  return Int32Array.from(samples.flatMap((sample) => [...cellOrder(rule, cells, 4, sample)]));
}

function requestOf(samples: readonly number[], more: Partial<DecodeRequest> = {}): DecodeRequest {
  return {
    classes: Int32Array.from(samples, (sample) => sample % 3),
    order: orders(samples),
    samples: Int32Array.from(samples),
    seed: 7,
    ...more,
  };
}

async function decode(
  model: Arpg,
  options: Omit<ArpgDecoderOptions, "batch" | "temperature"> & { readonly temperature?: number },
  request: DecodeRequest,
  dtype: FrozenDtype = "float32",
): Promise<{ tokens: number[]; painted: number[] }> {
  const frozen = await FrozenArpg.of(model, dtype);
  using decoder = new ArpgDecoder(frozen, { temperature: 1, ...options, batch: request.classes.length });
  const { tokens, painted } = decoder.decode(request);
  const [ids, steps] = await frozen.device.read([tokens, painted]);
  frozen.dispose();
  return { tokens: [...ids!], painted: [...steps!] };
}

const configs = [{}, { position: "none" }, { dim: 24, heads: 3, multiple_of: 4, vocab: 10 }] as const;

const { table } = (await testDevice()).gpu;
for (const packedMatmul of new Set(["plain", table.packedMatmul, "block"] as const)) {
  Deno.test(`ArpgDecoder ${packedMatmul}: guided logits are those of parallel teacher forcing, learned positions and no square sizes`, async () => {
    const device = await deviceWith({ packedMatmul });
    using _scope = device.scope();
    for (const changes of configs) {
      const model = tinyArpg(device, changes);
      const { vocab } = model.config;
      const known = changes === configs[0] ? 0 : 4;
      const groups = known ? [2, 2, 3, 5] : [1, 2, 5, 3, 5];
      const given = {
        tokens: Int32Array.from({ length: 4 * cells }, (_, i) => i % 7),
        counts: Int32Array.of(4, 4, 4, 4),
      };
      const request = requestOf([0, 1, 2, 3], known ? { known: given } : {});
      const frozen = await FrozenArpg.of(model);
      const rows: { group: number; logits: Tensor }[] = [];
      using decoder = new ArpgDecoder(frozen, {
        batch: 4,
        plan: { groups, known },
        temperature: 1,
        inspect: (t, logits) => rows.push({ group: groups[t]!, logits }),
      });
      const { tokens } = decoder.decode(request);
      const ids = device.tensor(Int32Array.from(await tokens.data()), [4, cells]);
      const order = device.tensor(request.order, [4, cells]);
      // Known tokens are read one by one, then comes a group after the other.
      const alone = Array.from({ length: known }, (_, t) => t);
      const stepOf = [...alone, ...groups.flatMap((group, t) => Array<number>(group).fill(known + t))];
      const steps = device.tensor(Int32Array.from({ length: 4 * cells }, (_, i) => stepOf[i % cells]!), [4, cells]);
      const forced = model.forward(ids, device.tensor(request.classes), order, { steps });
      const expected = await logSoftmax(forced.logits).data();
      let place = known;
      for (const { group, logits } of rows) {
        const found = await logits.data(), cols = logits.shape[1]!;
        for (let row = 0; row < 4 * group; row++) {
          const at = (Math.floor(row / group) * cells + place + row % group) * vocab;
          const values = [...found.slice(row * cols, row * cols + vocab)];
          const norm = Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0));
          assertAllClose(values.map((value) => value - norm), expected.slice(at, at + vocab), 1e-5, `row ${row}`);
        }
        place += group;
      }
      frozen.dispose();
    }
  });
}

Deno.test("ArpgDecoder: a batch of 12 equals 12 batches of one, ragged or not, token for token", async () => {
  const model = tinyArpg(await testDevice());
  const groups = groupSizes("arccos", 5, cells);
  const samples = [...Array(12).keys()];
  const together = await decode(model, { plan: { groups }, guidance }, requestOf(samples));
  assert.ok(new Set(together.tokens).size > 6, "tokens of all kinds");
  const alone = [];
  for (const sample of samples) {
    alone.push(...(await decode(model, { plan: { groups }, guidance }, requestOf([sample]))).tokens);
  }
  assert.deepEqual(alone, together.tokens);
  const table = Int32Array.from(groups.flatMap((group) => Array(12).fill(group)));
  const plan = { steps: groups.length, mostKnown: 0, mostGroup: Math.max(...groups) };
  assert.deepEqual(await decode(model, { plan, guidance }, requestOf(samples, { groups: table })), together);
});

Deno.test("ArpgDecoder: samples with groups of their own are what they are alone, and know when they were painted", async () => {
  const model = tinyArpg(await testDevice());
  const plans = [[16], [1, 15], [4, 4, 4, 4], [1, 2, 3, 4, 3, 3], [8, 8]];
  const table = new Int32Array(6 * 5);
  plans.forEach((plan, b) => plan.forEach((group, t) => table[t * 5 + b] = group));
  const plan = { steps: 6, mostKnown: 0, mostGroup: 16 };
  const samples = [0, 1, 2, 3, 4];
  const { tokens, painted } = await decode(model, { plan, guidance }, requestOf(samples, { groups: table }));
  for (const [b, groups] of plans.entries()) {
    const alone = await decode(model, { plan: { groups }, guidance }, requestOf([b]));
    assert.deepEqual(tokens.slice(b * cells, (b + 1) * cells), alone.tokens, `groups ${groups}`);
    const order = orders([b]);
    const expected = groups.flatMap((group, t) => Array(group).fill(t));
    assert.deepEqual([...order].map((cell) => painted[b * cells + cell]), expected);
  }
});

Deno.test("ArpgDecoder: a seed, a sample number and a temperature name the tokens; the schedule does not change the noise", async () => {
  const model = tinyArpg(await testDevice());
  const plan = { groups: [cells] };
  const first = await decode(model, { plan }, requestOf([0, 1]));
  assert.deepEqual(await decode(model, { plan }, requestOf([0, 1])), first);
  assert.notDeepEqual(await decode(model, { plan }, requestOf([0, 1], { seed: 8 })), first);
  assert.notDeepEqual(await decode(model, { plan }, requestOf([0, 1], { samples: Int32Array.of(5, 6) })), first);
  const greedy = await decode(model, { plan, temperature: 0 }, requestOf([0, 1]));
  assert.deepEqual(await decode(model, { plan, temperature: 0 }, requestOf([0, 1], { seed: 9 })), greedy);
  const reversed = await decode(model, { plan }, requestOf([0, 1], { order: orders([0, 1], "raster") }));
  assert.deepEqual(reversed.tokens, first.tokens, "all at once: the order alone changes nothing");
  const topOne = await decode(model, { plan, topK: 1 }, requestOf([0, 1]));
  assert.deepEqual(topOne.tokens, greedy.tokens);
  const nucleus = await decode(model, { plan, topP: 0.999 }, requestOf([0, 1]));
  assert.equal(nucleus.tokens.length, 2 * cells);
});

Deno.test("ArpgDecoder: guidance of scale 1 equals none", async () => {
  const model = tinyArpg(await testDevice());
  const plan = { groups: [3, 6, 7] };
  const none = await decode(model, { plan }, requestOf([0, 1, 2]));
  const one = await decode(model, { plan, guidance: { scale: 1, form: "constant" } }, requestOf([0, 1, 2]));
  assert.deepEqual(one, none);
  assert.notDeepEqual((await decode(model, { plan, guidance }, requestOf([0, 1, 2]))).tokens, none.tokens);
});

Deno.test("ArpgDecoder: known tokens stay and are read, each sample with its own", async () => {
  const model = tinyArpg(await testDevice());
  const masks = [[0, 5, 6], [], [...Array(15).keys()], [...Array(16).keys()]];
  const samples = [0, 1, 2, 3];
  const order = new Int32Array(4 * cells), given = new Int32Array(4 * cells), groups = new Int32Array(4 * 4);
  masks.forEach((mask, b) => {
    const known = Uint8Array.from({ length: cells }, (_, cell) => Number(mask.includes(cell)));
    order.set(knownFirst(orders([b]), known), b * cells);
    for (const cell of mask) given[b * cells + cell] = (cell + b) % 12;
    groupSizes("cosine", 4, Math.max(1, cells - mask.length)).forEach((group, t) => groups[t * 4 + b] = group);
  });
  const known = { tokens: given, counts: Int32Array.from(masks, (mask) => mask.length) };
  const plan = { steps: 4, mostKnown: 16, mostGroup: 16 };
  const { tokens, painted } = await decode(model, { plan, guidance }, requestOf(samples, { order, groups, known }));
  masks.forEach((mask, b) => {
    for (const cell of mask) assert.equal(tokens[b * cells + cell], given[b * cells + cell]);
    for (let cell = 0; cell < cells; cell++) assert.equal(painted[b * cells + cell] === -1, mask.includes(cell));
  });
  const other = { ...known, tokens: given.map((token, i) => i < cells ? (token + 5) % 12 : token) };
  const changed = await decode(model, { plan, guidance }, requestOf(samples, { order, groups, known: other }));
  const unknown = (ids: number[]) =>
    [...Array(cells).keys()].filter((cell) => !masks[0]!.includes(cell)).map((c) => ids[c]);
  assert.notDeepEqual(unknown(changed.tokens), unknown(tokens), "other known tokens give another picture");
  assert.deepEqual(changed.tokens.slice(cells), tokens.slice(cells));
});

Deno.test("ArpgDecoder: many steps take several submits and give the same tokens, ragged or not", async () => {
  const device = await testDevice();
  const model = tinyArpg(device);
  const groups = [1, 2, 2, 3, 3, 3, 2];
  const { recorder } = device.gpu;
  const table = Int32Array.from(groups.flatMap((group) => [group, group]));
  const ragged = { steps: groups.length, mostKnown: 0, mostGroup: 3 };
  const whole = await decode(model, { plan: { groups }, guidance }, requestOf([0, 1]));
  for (const stepsPerSubmit of [1, 3, 7, 100]) {
    assert.deepEqual(await decode(model, { plan: { groups }, guidance, stepsPerSubmit }, requestOf([0, 1])), whole);
    const request = requestOf([0, 1], { groups: table });
    assert.deepEqual(await decode(model, { plan: ragged, guidance, stepsPerSubmit }, request), whole);
  }
  const frozen = await FrozenArpg.of(model);
  using decoder = new ArpgDecoder(frozen, { batch: 2, plan: { groups }, temperature: 1, stepsPerSubmit: 3 });
  await decoder.decode(requestOf([0, 1])).tokens.data();
  const { submits } = recorder.counters;
  decoder.decode(requestOf([0, 1]));
  assert.equal(recorder.counters.submits, submits + 3);
  frozen.dispose();
});

Deno.test("ArpgDecoder: a decoding is one submit, allocates nothing, and finished samples have no rows", async () => {
  const device = await testDevice();
  const frozen = await FrozenArpg.of(tinyArpg(device));
  const plan = { steps: 4, mostKnown: 0, mostGroup: 16 };
  const groups = Int32Array.from([...Array(8).fill(16), ...Array(24).fill(0)]);
  using decoder = new ArpgDecoder(frozen, { batch: 8, plan, temperature: 1 });
  const request = requestOf([...Array(8).keys()], { groups });
  await decoder.decode(request).tokens.data();
  const { pool, recorder, kernels } = device.gpu;
  const before = { submits: recorder.counters.submits, created: pool.counters.created, compiled: kernels.compiled };
  const { tokens } = decoder.decode(request);
  assert.equal(recorder.counters.submits, before.submits + 1);
  await tokens.data();
  assert.equal(pool.counters.created, before.created);
  assert.equal(kernels.compiled, before.compiled);
  assert.deepEqual([...await decoder.counts.data()].slice(0, 3), [0, 0, 0], "of the last step");
  frozen.dispose();
});

Deno.test("ArpgDecoder: float16 weights and caches, and kernels without subgroups, stay close to float32", async () => {
  const device = await testDevice();
  const { adapter } = device.gpu;
  const plain = new Device(new Gpu({ ...adapter, subgroupSize: 0 }));
  const greedy = { plan: { groups: [2, 4, 10] }, guidance, temperature: 0 };
  const request = requestOf([0, 1, 2, 3, 4, 5]);
  const exact = await decode(tinyArpg(device), greedy, request);
  assert.deepEqual(await decode(tinyArpg(plain), greedy, request), exact);
  const half = await decode(tinyArpg(device), greedy, request, "float16");
  const equal = half.tokens.filter((token, i) => token === exact.tokens[i]).length;
  const block = await deviceWith({ packedMatmul: "block" });
  assert.deepEqual(await decode(tinyArpg(block), greedy, request, "float16"), half);
  assert.ok(equal >= 0.9 * exact.tokens.length, `${equal} of ${exact.tokens.length} greedy tokens are equal`);
});

Deno.test("ArpgDecoder refuses plans that do not fit", async () => {
  const frozen = await FrozenArpg.of(tinyArpg(await testDevice()));
  assert.throws(() => new ArpgDecoder(frozen, { batch: 2, plan: { groups: [3, 4] }, temperature: 1 }), {
    name: "RangeError",
    message: "Cannot decode 2 samples of 16 cells: groups and known cells must add up to the cells, got 7",
  });
  assert.throws(() => new ArpgDecoder(frozen, { batch: 40000, plan: { groups: [8, 8] }, temperature: 1 }), {
    name: "RangeError",
    message: "Cannot decode 40000 samples at once: a step may have 65535 rows, got 320000",
  });
  frozen.dispose();
});

Deno.test("ArpgDecoder refuses requests that do not fit the plan or the model", async () => {
  const frozen = await FrozenArpg.of(tinyArpg(await testDevice()));
  using fixed = new ArpgDecoder(frozen, { batch: 2, plan: { groups: [8, 5], known: 3 }, temperature: 1 });
  const plan = { steps: 2, mostKnown: 3, mostGroup: 9 };
  using ragged = new ArpgDecoder(frozen, { batch: 2, plan, temperature: 1 });
  const tokens = new Int32Array(2 * cells), known = { tokens, counts: Int32Array.of(3, 3) };
  const groups = Int32Array.of(8, 9, 8, 4);
  const refuses = (decoder: ArpgDecoder, changes: Partial<DecodeRequest>, reason: string) =>
    assert.throws(() => decoder.decode(requestOf([0, 1], { known, ...changes })), {
      name: "RangeError",
      message: `Cannot decode 2 samples of 16 cells: ${reason}`,
    });
  refuses(fixed, { classes: Int32Array.of(1) }, "wanted 2 classes, got 1");
  refuses(fixed, { samples: Int32Array.of(1, 2, 3) }, "wanted 2 sample numbers, got 3");
  refuses(fixed, { order: new Int32Array(cells) }, "wanted 32 cells in the orders, got 16");
  refuses(fixed, { known: { ...known, tokens: new Int32Array(1) } }, "wanted 32 known tokens, got 1");
  refuses(fixed, { classes: Int32Array.of(1, 3) }, "classes are below 3, or negative for none, got 3");
  const twice = orders([0, 1]);
  twice[cells + 3] = twice[cells + 4]!;
  refuses(fixed, { order: twice }, "the order of sample 1 is no permutation of its cells");
  const counted = (...counts: number[]) => ({ known: { tokens, counts: Int32Array.from(counts) } });
  refuses(fixed, counted(3), "wanted 2 counts of known cells, got 1");
  refuses(fixed, counted(3, 2), "the plan begins with 3 known cells, got 2 to 3");
  refuses(fixed, { groups }, "wanted 0 groups, one a step and sample, got 4");
  refuses(ragged, {}, "wanted 4 groups, one a step and sample, got 0");
  refuses(ragged, { groups, ...counted(0, 4) }, "the plan has room for 3 known cells, got 0 to 4");
  refuses(ragged, { groups: groups.with(1, 10) }, "the plan has room for groups of 9, got 10");
  frozen.dispose();
});
