import assert from "node:assert/strict";
import { attention, type AttentionAttributes, attentionOp, type AttentionVariant } from "../../src/ops/attention.ts";
import { gradients } from "../../src/tensor/tape.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { checkOp, type OpCase } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { fetchTexture } from "../gpu/kernels.ts";
import { seededRandom } from "../support/random.ts";
import { Ref } from "../support/ref.ts";

/** Probabilities `[B, H, Tq, Tk]` in plain loops; a row that sees nothing is zero. */
function probabilities([q, k, _v, querySteps, keySteps]: readonly Ref[], attributes: AttentionAttributes): Ref {
  const [batch, heads, tq, d] = q!.shape as [number, number, number, number];
  const tk = k!.shape[2]!;
  const step = (steps: Ref, b: number, t: number) => steps.shape.length === 2 ? steps.at(b, t) : steps.at(t);
  const sees = (b: number, i: number, j: number) => {
    if (attributes.visibility === "none") return true;
    if (attributes.visibility === "causal") return j <= i + tk - tq;
    return step(keySteps!, b, j) <= step(querySteps!, b, i);
  };
  const scale = attributes.scale ?? 1 / Math.sqrt(d);
  const logits = Ref.from([batch, heads, tq, tk], ([b, h, i, j]) => {
    if (!sees(b!, i!, j!)) return -Infinity;
    let dot = 0;
    for (let c = 0; c < d; c++) dot += q!.at(b!, h!, i!, c) * k!.at(b!, h!, j!, c);
    return scale * dot;
  });
  return logits.mapRows((row) => {
    const m = Math.max(...row);
    const e = row.map((s) => s === -Infinity ? 0 : Math.exp(s - m)), sum = e.reduce((a, b) => a + b, 0);
    return e.map((p) => sum ? p / sum : 0);
  });
}

function forward(inputs: readonly Ref[], attributes: AttentionAttributes): Ref {
  const p = probabilities(inputs, attributes), v = inputs[2]!;
  return Ref.from(inputs[0]!.shape, ([b, h, i, c]) => {
    let sum = 0;
    for (let j = 0; j < v.shape[2]!; j++) sum += p.at(b!, h!, i!, j) * v.at(b!, h!, j, c!);
    return sum;
  });
}

function backward(inputs: readonly Ref[], o: Ref, dout: Ref, attributes: AttentionAttributes): (Ref | null)[] {
  const [q, k, v] = inputs as [Ref, Ref, Ref];
  const p = probabilities(inputs, attributes);
  const d = q.shape[3]!, scale = attributes.scale ?? 1 / Math.sqrt(d);
  const dq = new Ref(q.shape), dk = new Ref(k.shape), dv = new Ref(v.shape);
  const [batch, heads, tq, tk] = p.shape as [number, number, number, number];
  for (let pair = 0; pair < batch * heads * tq * tk; pair++) {
    const j = pair % tk, i = Math.floor(pair / tk) % tq, h = Math.floor(pair / (tk * tq)) % heads;
    const b = Math.floor(pair / (tk * tq * heads));
    let ds = 0;
    for (let c = 0; c < d; c++) ds += dout.at(b, h, i, c) * (v.at(b, h, j, c) - o.at(b, h, i, c));
    ds *= scale * p.at(b, h, i, j);
    for (let c = 0; c < d; c++) {
      dq.add([b, h, i, c], ds * k.at(b, h, j, c));
      dk.add([b, h, j, c], ds * q.at(b, h, i, c));
      dv.add([b, h, j, c], p.at(b, h, i, j) * dout.at(b, h, i, c));
    }
  }
  return [dq, dk, dv, null, null].slice(0, inputs.length);
}

const variants: readonly AttentionVariant[] = ["reference", "register", "subgroup", "block"];
const { gpu } = await testDevice();
const available = variants.filter((variant) => variant !== "subgroup" || gpu.adapter.subgroupSize === 8);

/** A case for every variant that the adapter has. */
function cases(
  batch: number,
  heads: number,
  tq: number,
  tk: number,
  d: number,
  visibility: "none" | "causal",
  more: Partial<OpCase<AttentionAttributes>> = {},
): OpCase<AttentionAttributes>[] {
  // A head size is a pipeline, and those of `block` take seconds each to compile here.
  const suits = { reference: true, register: d % 4 === 0, subgroup: d % 4 === 0, block: [4, 8, 100].includes(d) };
  const fitting = available.filter((variant) => suits[variant]);
  return fitting.map((variant) => ({
    shapes: [[batch, heads, tq, d], [batch, heads, tk, d], [batch, heads, tk, d]],
    ...more,
    attributes: { visibility, variant, ...more.attributes },
    note: [visibility, variant, more.note].filter(Boolean).join(" "),
  }));
}

checkOp(attentionOp, {
  reference: { forward, backward: (inputs, [o], [dout], attributes) => backward(inputs, o!, dout!, attributes) },
  integers: [3, 4],
  cases: [
    ...cases(1, 1, 1, 1, 4, "none"),
    ...cases(1, 2, 3, 5, 3, "none"),
    ...cases(2, 3, 7, 11, 8, "none", { attributes: { visibility: "none", scale: 0.7 }, note: "scale 0.7" }),
    ...cases(1, 1, 13, 33, 20, "none"),
    ...cases(2, 2, 37, 37, 8, "causal"),
    ...cases(1, 2, 5, 12, 8, "causal"),
    ...cases(1, 1, 1, 40, 16, "causal"),
    ...cases(1, 1, 9, 4, 4, "causal", { note: "first queries see nothing" }),
    ...cases(1, 1, 40, 35, 100, "causal"),
    ...cases(1, 1, 131, 137, 4, "causal", { note: "large tiles" }),
    ...cases(1, 1, 137, 131, 4, "none", { note: "large tiles" }),
    ...cases(1, 1, 2, 3, 4, "none", {
      values: [[30, 0, 0, 0, 0, -30, 0, 0], [30, 0, 0, 0, 0, 30, 0, 0, -30, 0, 0, 0]],
      note: "logits of 450",
    }),
    ...cases(1, 1, 2, 3, 4, "none", { values: [new Float32Array(8)], note: "zero queries average" }),
  ],
});

const stepCases = available.flatMap((variant): OpCase<AttentionAttributes>[] => {
  const attributes = { visibility: "steps", variant } as const;
  return [
    {
      shapes: [[2, 2, 5, 4], [2, 2, 6, 4], [2, 2, 6, 4], [5], [6]],
      values: [undefined, undefined, undefined, [0, 1, 1, -1, 3], [0, 0, 1, 1, 2, 3]],
      attributes,
      note: `steps, query 3 sees nothing, ${variant}`,
    },
    {
      shapes: [[2, 1, 3, 4], [2, 1, 19, 4], [2, 1, 19, 4], [2, 3], [2, 19]],
      values: [
        undefined,
        undefined,
        undefined,
        [0, 5, 9, 30, 1, -7],
        Array.from({ length: 38 }, (_, i) => (i * 7) % 19),
      ],
      attributes,
      note: `steps of each sample, ${variant}`,
    },
    {
      shapes: [[2, 1, 3, 4], [2, 1, 4, 4], [2, 1, 4, 4], [3], [2, 4]],
      values: [undefined, undefined, undefined, [0, 1, 2], [0, 1, 2, 3, 2, 1, 0, 0]],
      attributes,
      note: `steps, shared queries, ${variant}`,
    },
  ];
});
checkOp(attentionOp, {
  reference: { forward, backward: (inputs, [o], [dout], attributes) => backward(inputs, o!, dout!, attributes) },
  integers: [3, 4],
  cases: stepCases,
});

for (const variant of available) {
  Deno.test(`attention ${variant}: loops stay below 65,535 iterations over 5,000 keys`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const random = seededRandom(7), tk = 5000, d = 8;
    const ref = (t: number) => new Ref([1, 1, t, d]).map(() => Math.fround(random() - 0.5));
    const inputs = [ref(2), ref(tk), ref(tk)], dout = ref(2);
    const parameter = (at: number) => device.parameter(Float32Array.from(inputs[at]!.data), inputs[at]!.shape);
    const tensors = [parameter(0), parameter(1), parameter(2)] as const;
    const attributes = { visibility: "none", variant } as const;
    const out = attentionOp(tensors, attributes);
    const expected = forward(inputs, attributes);
    assertAllClose(await out.data(), expected.data, 1e-5, "o");
    const seed = device.tensor(Float32Array.from(dout.data), dout.shape);
    const loss = device.zeros([1]);
    loss.node = { id: device.nodes++, op: "seed", inputs: [out], outputs: [loss], backward: () => [seed] };
    const grads = backward(inputs, expected, dout, attributes);
    for (const [i, grad] of gradients(loss, tensors).entries()) {
      assertAllClose(await grad.data(), grads[i]!.data, 1e-5, `gradient ${i}`);
    }
    tensors.forEach((tensor) => tensor.dispose());
  });

  Deno.test(`attention ${variant}: NaN in a visible key reaches the output, in an invisible one it does not`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const q = device.full([1, 1, 2, 4], 1), v = device.full([1, 1, 2, 4], 1);
    const k = device.tensor(Float32Array.of(1, 1, 1, 1, NaN, 1, 1, 1), [1, 1, 2, 4]);
    const out = await attentionOp([q, k, v], { visibility: "causal", variant }).data();
    assert.deepEqual([...out].map(Number.isNaN), [false, false, false, false, true, true, true, true]);
  });
}

Deno.test("attention: the result does not depend on the batch around a sample", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const random = seededRandom(3);
  const data = Float32Array.from({ length: 3 * 2 * 9 * 8 }, () => random() - 0.5);
  const all = device.tensor(data, [3, 2, 9, 8]);
  const one = device.tensor(data.slice(2 * 9 * 8, 2 * 2 * 9 * 8), [1, 2, 9, 8]);
  const [inBatch, alone] = await device.read([
    attention(all, all, all, { visibility: "causal" }),
    attention(one, one, one, { visibility: "causal" }),
  ]);
  assert.deepEqual([...inBatch!.slice(2 * 9 * 8, 2 * 2 * 9 * 8)], [...alone!]);
});

Deno.test({
  name: "attention: leaves copies in textures alone that others share in a capture (needs llvmpipe)",
  ignore: (await testDevice()).gpu.adapter.subgroupSize !== 8,
}, async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const [q, k, v] = [1, 2, 3].map((value) => device.full([1, 1, 16, 8], value)) as [Tensor, Tensor, Tensor];
  q.requiresGrad = true;
  const captured = device.capture(() => {
    const shared = [q, k, v].map((tensor) => device.texture(tensor));
    const o = attentionOp([q, k, v], { visibility: "none", variant: "subgroup" });
    return [...o.node!.backward([v], [true, true, true]) as Tensor[], ...shared.map(fetchTexture)];
  });
  captured.replay();
  const values = await device.read(captured.result);
  assert.deepEqual(values.slice(3).map(([first]) => first), [1, 2, 3]);
  captured.dispose();
});

Deno.test("attention: refuses shapes that do not match", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const q = device.zeros([2, 3, 4, 8]), k = device.zeros([2, 3, 5, 8]);
  const refuses = (body: () => unknown, message: string) => assert.throws(body, new RangeError(message));
  refuses(() => attention(device.zeros([4, 8]), k, k), "Cannot apply attention: q must have 4 axes, got shape [4, 8]");
  refuses(() => attention(q, device.zeros([8]), k), "Cannot apply attention: k must have 4 axes, got shape [8]");
  refuses(
    () => attention(q, device.zeros([2, 1, 5, 8]), k),
    "Cannot apply attention: k must have shape [2, 3, 5, 8], got [2, 1, 5, 8]",
  );
  refuses(() => attention(q, k, q), "Cannot apply attention: v must have shape [2, 3, 5, 8], got [2, 3, 4, 8]");
  refuses(() => attention(device.zeros(q.shape, "i32"), k, k), "Cannot apply attention: q must hold f32, got i32");
  const wide = device.zeros([1, 1, 1, 8196]);
  refuses(
    () => attention(wide, wide, wide),
    "Cannot apply attention: head size must be at most 8192, got 8196; use more heads",
  );
  const querySteps = device.zeros([4], "i32"), keySteps = device.zeros([2, 5], "i32");
  refuses(
    () => attention(q, k, k, { visibility: { querySteps, keySteps: device.zeros([3, 5], "i32") } }),
    "Cannot apply attention: keySteps must be an i32 tensor of shape [5] or [2, 5], got i32 [3, 5]",
  );
  refuses(
    () => attention(q, k, k, { visibility: { querySteps: device.zeros([4]), keySteps } }),
    "Cannot apply attention: querySteps must be an i32 tensor of shape [4] or [2, 4], got f32 [4]",
  );
  refuses(
    () => attentionOp([q, k, k], { visibility: "steps" }),
    "Cannot apply attention: querySteps must be an i32 tensor of shape [4] or [2, 4], got none",
  );
});
