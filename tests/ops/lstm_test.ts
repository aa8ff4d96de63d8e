import assert from "node:assert/strict";
import { lstm, lstmOp } from "../../src/ops/lstm.ts";
import { concat } from "../../src/ops/concat.ts";
import { slice } from "../../src/ops/slice.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { seededRandom } from "../support/random.ts";
import { checkOp } from "../support/check_op.ts";
import { testDevice } from "../support/device.ts";
import { Ref } from "../support/ref.ts";

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));

/** Runs the layer in plain loops and keeps what backward needs. */
function run(inputs: readonly Ref[]) {
  const [x, wIh, wHh, bIh, bHh, h0, c0] = inputs as [Ref, Ref, Ref, Ref, Ref, Ref, Ref];
  const [B, T, I] = x.shape as [number, number, number];
  const H = wHh.shape[1]!;
  const y = new Ref([B, T, H]), c = new Ref([B, T, H]), gates = new Ref([B, T, 4, H]);
  for (let b = 0; b < B; b++) {
    for (let t = 0; t < T; t++) {
      for (let u = 0; u < H; u++) {
        const z = [0, 1, 2, 3].map((g) => {
          let sum = bIh.at(g * H + u) + bHh.at(g * H + u);
          for (let k = 0; k < I; k++) sum += x.at(b, t, k) * wIh.at(g * H + u, k);
          for (let k = 0; k < H; k++) sum += (t ? y.at(b, t - 1, k) : h0.at(b, k)) * wHh.at(g * H + u, k);
          return g === 2 ? Math.tanh(sum) : sigmoid(sum);
        }) as [number, number, number, number];
        z.forEach((value, g) => gates.data[gates.offset([b, t, g, u])] = value);
        const cell = z[1] * (t ? c.at(b, t - 1, u) : c0.at(b, u)) + z[0] * z[2];
        c.data[c.offset([b, t, u])] = cell;
        y.data[y.offset([b, t, u])] = z[3] * Math.tanh(cell);
      }
    }
  }
  return { x, wIh, wHh, h0, c0, B, T, I, H, y, c, gates };
}

checkOp(lstmOp, {
  sample: (u) => 1.2 * u - 0.6,
  reference: {
    forward(inputs) {
      const { B, T, H, y, c } = run(inputs);
      return [y, Ref.from([B, H], ([b, u]) => c.at(b!, T - 1, u!))];
    },
    backward(inputs, _outputs, [dy, dc]) {
      const { x, wIh, wHh, h0, c0, B, T, I, H, y, c, gates } = run(inputs);
      const grads = inputs.map((input) => new Ref(input.shape));
      const [dx, dWIh, dWHh, dBIh, dBHh, dH0, dC0] = grads as [Ref, Ref, Ref, Ref, Ref, Ref, Ref];
      for (let b = 0; b < B; b++) {
        let dhNext = new Float64Array(H);
        const dcNext = Float64Array.from({ length: H }, (_, u) => dc!.at(b, u));
        for (let t = T - 1; t >= 0; t--) {
          const dhBefore = new Float64Array(H);
          for (let u = 0; u < H; u++) {
            const [i, f, g, o] = [0, 1, 2, 3].map((gate) => gates.at(b, t, gate, u)) as [
              number,
              number,
              number,
              number,
            ];
            const tc = Math.tanh(c.at(b, t, u)), before = t ? c.at(b, t - 1, u) : c0.at(b, u);
            const dh = dy!.at(b, t, u) + dhNext[u]!;
            const dCell = dcNext[u]! + dh * o * (1 - tc * tc);
            dcNext[u] = dCell * f;
            const dz = [
              dCell * g * i * (1 - i),
              dCell * before * f * (1 - f),
              dCell * i * (1 - g * g),
              dh * tc * o * (1 - o),
            ];
            dz.forEach((d, gate) => {
              const row = gate * H + u;
              dBIh.add([row], d);
              dBHh.add([row], d);
              for (let k = 0; k < I; k++) {
                dx.add([b, t, k], d * wIh.at(row, k));
                dWIh.add([row, k], d * x.at(b, t, k));
              }
              for (let k = 0; k < H; k++) {
                dhBefore[k]! += d * wHh.at(row, k);
                dWHh.add([row, k], d * (t ? y.at(b, t - 1, k) : h0.at(b, k)));
              }
            });
          }
          dhNext = dhBefore;
        }
        for (let u = 0; u < H; u++) {
          dH0.add([b, u], dhNext[u]!);
          dC0.add([b, u], dcNext[u]!);
        }
      }
      return grads;
    },
  },
  cases: [
    [1, 1, 1, 1],
    [2, 3, 4, 5],
    [3, 2, 5, 8],
    [9, 4, 8, 12],
    [17, 3, 16, 36],
  ].map(([b, t, i, h]) => ({ shapes: shapesOf(b!, t!, i!, h!) })),
});

function shapesOf(b: number, t: number, i: number, h: number) {
  return [[b, t, i], [4 * h, i], [4 * h, h], [4 * h], [4 * h], [b, h], [b, h]];
}

for (const hidden of [5, 8]) {
  Deno.test(`lstm without gradient, step by step, equals the whole sequence, hidden ${hidden}`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const random = seededRandom(1);
    const make = (...shape: number[]) =>
      device.tensor(Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random() - 0.5), shape);
    const layer = (inputs: number) => ({
      weightIh: make(4 * hidden, inputs),
      weightHh: make(4 * hidden, hidden),
      biasIh: make(4 * hidden),
      biasHh: make(4 * hidden),
    });
    const layers = [layer(4), layer(hidden)];
    const x = make(3, 6, 4);
    const whole = lstm(x, layers);
    let state = whole.state;
    const steps: Tensor[] = [];
    device.noGrad(() => {
      for (let t = 0; t < 6; t++) {
        const out = lstm(slice(x, 1, t, t + 1), layers, t === 0 ? undefined : state);
        state = out.state;
        steps.push(out.y);
      }
    });
    assertAllClose(await concat(steps, 1).data(), await whole.y.data(), 1e-6);
    for (const l of [0, 1]) {
      assertAllClose(await state.h[l]!.data(), await whole.state.h[l]!.data(), 1e-6, "hidden state");
      assertAllClose(await state.c[l]!.data(), await whole.state.c[l]!.data(), 1e-6, "cell state");
    }
  });
}

// Initial states that want gradients take the plain kernel, as checkOp does: without them the tiles run.
for (const [b, steps, inputs, hidden] of [[2, 3, 4, 5], [5, 3, 8, 8], [9, 4, 8, 36], [17, 2, 12, 40]] as const) {
  Deno.test(`lstm: gradients do not depend on whether the first state wants one, [${b}, ${steps}, ${inputs}] ${hidden}`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const random = seededRandom(b);
    const values = shapesOf(b, steps, inputs, hidden).map((shape) => new Ref(shape).map(() => random() - 0.5));
    const seeds = [[b, steps, hidden], [b, hidden]].map((shape) => new Ref(shape).map(() => random() - 0.5));
    const upload = ({ data, shape }: Ref) => device.tensor(Float32Array.from(data), shape);
    const gradientsWith = async (stateWanted: boolean) => {
      const tensors = values.map(upload);
      tensors.forEach((tensor, i) => tensor.requiresGrad = i < 5 || stateWanted);
      const [y] = lstmOp(tensors as Parameters<typeof lstmOp>[0], {});
      const grads = y.node!.backward(seeds.map(upload), tensors.map(({ requiresGrad }) => requiresGrad));
      return await device.read(grads.slice(0, 5) as Tensor[]);
    };
    const plain = await gradientsWith(true);
    (await gradientsWith(false)).forEach((grad, i) => assertAllClose(grad, plain[i]!, 1e-5, `gradient ${i}`));
  });
}

Deno.test("lstm refuses weights of other sizes", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const make = (...shape: number[]) => device.zeros(shape);
  const layer = { weightIh: make(12, 4), weightHh: make(12, 3), biasIh: make(12), biasHh: make(12) };
  assert.throws(() => lstm(make(2, 5, 6), [layer]), {
    name: "RangeError",
    message: "Cannot apply lstm: w_ih must have shape [12, 6], got [12, 4]",
  });
  assert.throws(() => lstm(device.zeros([2, 5, 4], "i32"), [layer]), {
    name: "RangeError",
    message: "Cannot apply lstm: every input must hold f32, got i32",
  });
  assert.throws(() => lstm(make(2, 5), [layer]), {
    name: "RangeError",
    message: "Cannot apply lstm: x must have 3 axes, got shape [2, 5]",
  });
});
