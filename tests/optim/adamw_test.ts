import assert from "node:assert/strict";
import { readSafetensors } from "../../src/io/safetensors.ts";
import { AdamW } from "../../src/optim/adamw.ts";
import type { HostTensor } from "../../src/tensor/host_tensor.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { fileTest } from "../support/file_test.ts";
import { seededRandom } from "../support/random.ts";

const random = seededRandom(3);
const values = (n: number) => Float32Array.from({ length: n }, () => 4 * random() - 2);

/** One tensor of AdamW in float64, as PyTorch's documentation writes it. */
class Reference {
  readonly #m: Float64Array;
  readonly #v: Float64Array;
  readonly data: Float64Array;
  #steps = 0;

  constructor(data: Float32Array, readonly decay: number) {
    this.data = Float64Array.from(data);
    this.#m = new Float64Array(data.length);
    this.#v = new Float64Array(data.length);
  }

  step(grad: Float32Array, clip: number, rate: number): void {
    this.#steps++;
    for (const i of this.data.keys()) {
      const g = grad[i]! * clip;
      this.#m[i] = 0.9 * this.#m[i]! + 0.1 * g;
      this.#v[i] = 0.99 * this.#v[i]! + 0.01 * g * g;
      const mean = this.#m[i]! / (1 - 0.9 ** this.#steps), square = this.#v[i]! / (1 - 0.99 ** this.#steps);
      this.data[i] = this.data[i]! * (1 - rate * this.decay) - rate * mean / (Math.sqrt(square) + 1e-8);
    }
  }
}

// Twenty tensors need several dispatches; the sizes hold a 1, primes and what is no multiple of four.
const sizes = [1, 2, 3, 7, 64, 257, 1000, 4099, ...Array.from({ length: 12 }, (_, i) => 5 * i + 1)];

Deno.test("AdamW follows the formulas for many tensors, clipped and not, eager and replayed", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const decay = sizes.map((_, i) => i % 2 ? 0.1 : 0);
  const start = sizes.map(values);
  const references = start.map((data, i) => new Reference(data, decay[i]!));
  const params = start.map((data) => device.parameter(data, [data.length]));
  const optimizer = new AdamW(device, params, { betas: [0.9, 0.99], weightDecay: decay, maxGradNorm: 50 });
  const grads = sizes.map((n) => device.zeros([n]));
  const captured = device.capture(() => optimizer.step(grads));
  for (const [step, scale] of [1, 0.1, 3, 0.01].entries()) {
    const rate = 0.01 * (step + 1);
    const given = sizes.map((n) => values(n).map((v) => v * scale));
    const norm = Math.sqrt(given.reduce((sum, grad) => grad.reduce((s, g) => s + g * g, sum), 0));
    references.forEach((reference, i) => reference.step(given[i]!, Math.min(1, 50 / (norm + 1e-6)), rate));
    given.forEach((grad, i) => grads[i]!.write(grad));
    optimizer.learningRate.value = rate;
    optimizer.advance();
    if (step % 2) optimizer.step(grads);
    else captured.replay();
    assertAllClose(await optimizer.gradNorm.data(), [norm], 1e-6, "norm");
  }
  for (const [i, data] of (await device.read(params)).entries()) {
    assertAllClose(data, references[i]!.data, 1e-6, `parameter ${i}`);
  }
  captured.dispose();
});

Deno.test("AdamW sums the norm of a large tensor in whole", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  for (const n of [70_000, 1_000_000]) {
    const optimizer = new AdamW(device, [device.parameter(new Float32Array(n), [n])]);
    optimizer.advance();
    optimizer.step([device.full([n], 0.5)]);
    assert.equal(await optimizer.gradNorm.item(), Math.fround(Math.sqrt(n / 4)));
  }
});

Deno.test("AdamW resumes from its state bit for bit", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const start = values(9), grad = device.tensor(values(9));
  const train = (optimizer: AdamW, steps: number) => {
    for (let i = 0; i < steps; i++) {
      optimizer.learningRate.value = 0.1;
      optimizer.advance();
      optimizer.step([grad]);
    }
  };
  const param = device.parameter(start, [9]);
  const optimizer = new AdamW(device, [param]);
  train(optimizer, 2);
  const saved = new Map<string, HostTensor>();
  for (const [name, tensor] of optimizer.state()) saved.set(name, { shape: tensor.shape, data: await tensor.data() });
  assert.deepEqual([...saved.keys()], ["step", "exp_avg.0", "exp_avg_sq.0"]);
  const copy = device.parameter(await param.data() as Float32Array, [9]);
  const resumed = new AdamW(device, [copy]);
  resumed.restore(saved);
  assert.equal(resumed.steps, 2);
  train(optimizer, 2);
  train(resumed, 2);
  assert.deepEqual(await copy.data(), await param.data());

  assert.throws(() => resumed.restore(new Map([["step", saved.get("step")!]])), {
    name: "UserError",
    message: "Cannot restore AdamW: the state has no exp_avg.0, wanted f32 [9]",
  });
  assert.throws(() => resumed.restore(new Map([...saved, ["exp_avg.0", saved.get("step")!]])), {
    name: "UserError",
    message: "Cannot restore AdamW: exp_avg.0 must be f32 [9], got Uint32Array [1]; resume with the configuration " +
      "of the saved run",
  });
});

Deno.test("AdamW refuses gradients and decays that do not fit", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const param = device.parameter(values(6), [2, 3]);
  const optimizer = new AdamW(device, [param]);
  assert.throws(() => optimizer.step([]), { message: "Cannot step AdamW: wanted 1 gradients, got 0" });
  assert.throws(() => optimizer.step([device.zeros([6])]), {
    name: "RangeError",
    message: "Cannot step AdamW: gradient 0 must have its parameter's shape [2, 3], got [6]",
  });
  assert.throws(() => new AdamW(device, [param], { weightDecay: [0, 0] }), {
    name: "RangeError",
    message: "Cannot make AdamW: wanted a weight decay for each of 1 parameters, got 2",
  });
});

await fileTest("AdamW gives PyTorch's numbers", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const folder = new URL("../fixtures/optimizer-adamw/", import.meta.url);
  const read = async (name: string) => (await readSafetensors(new URL(name, folder).pathname)).tensors;
  const { params: options, tolerance } = JSON.parse(await Deno.readTextFile(new URL("case.json", folder)));
  const inputs = await read("inputs.safetensors"), outputs = await read("outputs.safetensors");
  const names = ["param.0", "param.1"];
  const params = names.map((name) => device.parameter(inputs.get(name)!.data as Float32Array, inputs.get(name)!.shape));
  const optimizer = new AdamW(device, params, {
    betas: options.betas,
    eps: options.eps,
    weightDecay: options.weight_decay,
    maxGradNorm: options.max_grad_norm,
  });
  optimizer.learningRate.value = options.learning_rate;
  const { data: grads, shape: [steps, width] } = inputs.get("grads")!;
  const norms: number[] = [];
  for (let t = 0; t < steps!; t++) {
    let at = t * width!;
    optimizer.advance();
    optimizer.step(params.map(({ size, shape }) => device.tensor(grads.slice(at, at += size), shape)));
    norms.push(await optimizer.gradNorm.item());
  }
  assertAllClose(norms, outputs.get("grad_norm")!.data, tolerance, "grad_norm");
  for (const [i, data] of (await device.read(params)).entries()) {
    assertAllClose(data, outputs.get(names[i]!)!.data, tolerance, names[i]!);
  }
});
