import assert from "node:assert/strict";
import { lstm, lstmOp } from "../../src/ops/lstm.ts";
import { concat } from "../../src/ops/concat.ts";
import { slice } from "../../src/ops/slice.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { seededRandom } from "../support/random.ts";
import { checkOp } from "../support/check_op.ts";
import type { KernelTable } from "../../src/gpu/kernel_table.ts";
import { sizeOf } from "../../src/tensor/shape.ts";
import { deviceWith, testDevice } from "../support/device.ts";
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

const specification = {
  sample: (u: number) => 1.2 * u - 0.6,
  reference: {
    forward(inputs: readonly Ref[]) {
      const { B, T, H, y, c } = run(inputs);
      return [y, Ref.from([B, H], ([b, u]) => c.at(b!, T - 1, u!))];
    },
    backward(inputs: readonly Ref[], _outputs: readonly Ref[], [dy, dc]: readonly Ref[]) {
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
};

checkOp(lstmOp, {
  ...specification,
  // One step and several; odd sizes, which the plain kernels take; batches of one, two and four rows a lane;
  // weights of more columns than a workgroup sums.
  cases: casesOf(
    ...[[1, 1, 1, 1], [2, 3, 4, 5], [3, 2, 5, 8], [3, 1, 4, 4]],
    ...[[9, 4, 8, 12], [17, 3, 16, 36], [41, 1, 12, 20], [3, 2, 72, 68]],
  ),
});
const plain = { matmul: "plain" } as const, block = { matmul: "block64" } as const;
checkOp(lstmOp, { ...specification, table: plain, cases: casesOf([3, 2, 8, 12]) });
checkOp(lstmOp, { ...specification, table: block, cases: casesOf([17, 3, 5, 18], [16, 1, 4, 16], [5, 2, 8, 33]) });

function casesOf(...sizes: number[][]) {
  return sizes.map(([b, t, i, h]) => ({ shapes: shapesOf(b!, t!, i!, h!) }));
}

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

/** A layer's output and last cell state, with random inputs, and the gradients by its inputs of a random loss. */
async function gradientsOf(
  [b, steps, input, h]: [number, number, number, number],
  wanted: (i: number) => boolean,
  { outputs = [0, 1], table = {} }: { outputs?: number[]; table?: Partial<KernelTable> } = {},
): Promise<(Float32Array | null)[]> {
  const device = await deviceWith(table);
  using _scope = device.scope();
  const random = seededRandom(b);
  const make = (shape: number[]) => device.tensor(new Float32Array(sizeOf(shape)).map(() => random() - 0.5), shape);
  const tensors = shapesOf(b, steps, input, h).map(make);
  tensors.forEach((tensor, i) => tensor.requiresGrad = wanted(i));
  const seeds = [[b, steps, h], [b, h]].map(make);
  const [y] = lstmOp(tensors as Parameters<typeof lstmOp>[0], {});
  const grads = y.node!.backward(
    seeds.map((seed, i) => outputs.includes(i) ? seed : null),
    tensors.map(({ requiresGrad }) => requiresGrad),
  );
  return await Promise.all(grads.map((grad) => grad && grad.data() as Promise<Float32Array>));
}

// checkOp wants all gradients of all outputs; here the launches and copies of some are left out.
for (const sizes of [[5, 3, 8, 8], [18, 1, 12, 40]] as [number, number, number, number][]) {
  for (const outputs of [[0], [1]]) {
    Deno.test(`lstm: each gradient is the same alone, [${sizes}], of output ${outputs}`, async () => {
      const all = await gradientsOf(sizes, () => true, { outputs, table: plain });
      for (const i of all.keys()) {
        const alone = await gradientsOf(sizes, (k) => k === i, { outputs });
        alone.forEach((grad, k) =>
          k === i ? assertAllClose(grad!, all[i]!, 1e-5, `gradient ${i}`) : assert.equal(grad, null)
        );
      }
    });
  }
}

// B T = 70,000 rows, more than one launch sums.
Deno.test("lstm: gradients of weights over very many rows equal the sum of those of two halves", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const random = seededRandom(1);
  const [b, steps, input, h] = [35_000, 2, 4, 4];
  const values = shapesOf(b, steps, input, h).map((shape) => new Float32Array(sizeOf(shape)).map(() => random() - 0.5));
  const part = (i: number, from: number, to: number) => {
    const [first, ...rest] = shapesOf(b, steps, input, h)[i]!;
    if (first !== b) return device.tensor(values[i]!, [first!, ...rest]);
    const row = sizeOf(rest);
    return device.tensor(values[i]!.slice(from * row, to * row), [to - from, ...rest]);
  };
  const weightGradients = async (from: number, to: number) => {
    const tensors = values.map((_, i) => part(i, from, to)) as Parameters<typeof lstmOp>[0];
    tensors.slice(1, 5).forEach((tensor) => tensor.requiresGrad = true);
    const [y] = lstmOp(tensors, {});
    const grads = y.node!.backward([part(0, from, to), null], tensors.map(({ requiresGrad }) => requiresGrad));
    return await device.read(grads.slice(1, 5) as Tensor[]);
  };
  const whole = await weightGradients(0, b);
  const halves = [await weightGradients(0, b / 2), await weightGradients(b / 2, b)];
  whole.forEach((grad, i) => {
    const sum = Float64Array.from(grad, (_, k) => halves[0]![i]![k]! + halves[1]![i]![k]!);
    assertAllClose(grad, sum, 1e-5, `gradient ${i + 1}`);
  });
});

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
