import assert from "node:assert/strict";
import { AdamW } from "../../src/optim/adamw.ts";
import { Muon, orthogonalised } from "../../src/optim/muon.ts";
import type { Device } from "../../src/tensor/device.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

type Matrix = number[][];
const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, value, k) => sum + value * b[k]![j]!, 0)));
const transposed = (a: Matrix): Matrix => a[0]!.map((_, j) => a.map((row) => row[j]!));
const combined = (a: Matrix, s: number, b: Matrix, t: number): Matrix =>
  a.map((row, i) => row.map((value, j) => s * value + t * b[i]![j]!));

/** Newton-Schulz in float64. */
function reference(matrix: Matrix): Matrix {
  const norm = Math.sqrt(matrix.flat().reduce((sum, value) => sum + value * value, 0)) + 1e-7;
  let x = matrix.map((row) => row.map((value) => value / norm));
  for (let n = 0; n < 5; n++) {
    const gram = product(x, transposed(x));
    x = combined(x, 3.4445, product(combined(gram, -4.775, product(gram, gram), 2.0315), x), 1);
  }
  return x;
}

function randomMatrix(rows: number, cols: number, seed: number): Matrix {
  const random = seededRandom(seed);
  return Array.from({ length: rows }, () => Array.from({ length: cols }, () => 4 * random() - 2));
}

const parameter = (device: Device, matrix: Matrix) =>
  device.parameter(Float32Array.from(matrix.flat()), [matrix.length, matrix[0]!.length]);

for (const [rows, cols] of [[1, 1], [3, 5], [5, 3], [8, 8], [12, 64], [64, 12]] as const) {
  Deno.test(`orthogonalised [2, ${rows}, ${cols}]: the iteration in float64, singular values near 1`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const matrices = [1, 2].map((seed) => randomMatrix(rows, cols, seed));
    const stacked = device.tensor(Float32Array.from(matrices.flat(2)), [2, rows, cols]);
    const found = await orthogonalised(stacked).data();
    assertAllClose(found, matrices.flatMap((matrix) => reference(matrix).flat()), 2e-5);
    for (const matrix of matrices) {
      const x = rows <= cols ? reference(matrix) : transposed(reference(matrix));
      const gram = product(x, transposed(x));
      const trace = gram.reduce((sum, row, i) => sum + row[i]!, 0) / gram.length;
      // The five iterations take singular values to between 0.68 and 1.21, whatever they were (above 0.01 or so).
      assert.ok(trace > 0.46 && trace < 1.47, `mean square ${trace} of the singular values`);
    }
  });
}

Deno.test("orthogonalised: zero stays zero", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  assert.deepEqual([...await orthogonalised(device.zeros([1, 2, 2])).data()], [0, 0, 0, 0]);
});

Deno.test("Muon: matrices by the formula, all else by AdamW, eager and replayed", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const start = [randomMatrix(3, 5, 1), randomMatrix(1, 4, 2), randomMatrix(3, 5, 3)];
  const params = start.map((matrix) => parameter(device, matrix));
  const alone = parameter(device, start[1]!);
  const matrices = [true, false, true];
  const adamW = { weightDecay: 0.1, maxGradNorm: 1 };
  const muon = new Muon(device, params, { matrices, weightDecay: 0.3, momentum: 0.9, adamW });
  const other = new AdamW(device, [alone], adamW);
  const grads = params.map(({ shape }) => device.zeros(shape));
  const captured = device.capture(() => muon.step(grads));
  const expected = start.map((matrix) => matrix.map((row) => [...row]));
  const momenta = start.map((matrix) => matrix.map((row) => row.map(() => 0)));
  for (const [n, rate] of [0.1, 0.05, 0.2].entries()) {
    const given = start.map((matrix, i) => randomMatrix(matrix.length, matrix[0]!.length, 10 * n + i));
    given.forEach((matrix, i) => grads[i]!.write(Float32Array.from(matrix.flat())));
    for (const optimizer of [muon, other]) {
      optimizer.learningRate.value = rate;
      optimizer.advance();
    }
    if (n % 2) captured.replay();
    else muon.step(grads);
    other.step([grads[1]!]);
    for (const i of [0, 2]) {
      momenta[i] = combined(momenta[i]!, 0.9, given[i]!, 1);
      const direction = reference(combined(given[i]!, 1, momenta[i]!, 0.9));
      expected[i] = combined(expected[i]!, 1 - rate * 0.3, direction, -rate * 0.2 * Math.sqrt(5));
    }
  }
  for (const i of [0, 2]) assertAllClose(await params[i]!.data(), expected[i]!.flat(), 1e-5, `matrix ${i}`);
  assert.deepEqual(await params[1]!.data(), await alone.data());
  captured.dispose();
});

Deno.test("Muon: a saved state goes on bit for bit", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const matrices = [true, false];
  const make = () => {
    const params = [randomMatrix(4, 4, 1), randomMatrix(2, 3, 2)].map((matrix) => parameter(device, matrix));
    return { params, optimizer: new Muon(device, params, { matrices }) };
  };
  const step = ({ params, optimizer }: ReturnType<typeof make>, n: number) => {
    optimizer.learningRate.value = 0.1;
    optimizer.advance();
    optimizer.step(params.map(({ shape }) => parameter(device, randomMatrix(shape[0]!, shape[1]!, 50 + n))));
  };
  const whole = make(), resumed = make();
  step(whole, 0);
  const saved = new Map<string, { shape: readonly number[]; data: Float32Array | Int32Array | Uint32Array }>();
  for (const [name, tensor] of whole.optimizer.state()) {
    saved.set(name, { shape: tensor.shape, data: await tensor.data() });
  }
  for (const [i, param] of whole.params.entries()) resumed.params[i]!.write(await param.data());
  resumed.optimizer.restore(saved);
  for (const training of [whole, resumed]) step(training, 1);
  for (const [i, param] of whole.params.entries()) {
    assert.deepEqual(await resumed.params[i]!.data(), await param.data());
  }
  saved.delete("momentum.0");
  assert.throws(() => resumed.optimizer.restore(saved), {
    name: "UserError",
    message: "Cannot restore Muon: the state has no momentum.0, wanted f32 [4, 4]",
  });
});

Deno.test("Muon refuses marks that are missing, marked vectors, and a wrong number of gradients", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const vector = device.parameter(new Float32Array(3), [3]);
  assert.throws(() => new Muon(device, [vector], { matrices: [] }), {
    name: "RangeError",
    message: "Cannot make Muon: wanted a mark for each of 1 parameters, got 0",
  });
  assert.throws(() => new Muon(device, [vector], { matrices: [true] }), {
    name: "RangeError",
    message: "Cannot make Muon: parameter 0 must be a matrix, got shape [3]; leave it to AdamW",
  });
  assert.throws(() => new Muon(device, [vector], { matrices: [false] }).step([]), {
    name: "RangeError",
    message: "Cannot step Muon: wanted 1 gradients, got 0",
  });
});
