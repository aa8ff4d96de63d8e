import assert from "node:assert/strict";
import { Ema } from "../../src/optim/ema.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";

// Ten tensors need two dispatches; sizes hold a 1 and what is no multiple of four.
const sizes = [1, 2, 3, 4, 5, 64, 257, 11, 13, 17];
const ramp = (n: number, factor: number) => Float32Array.from({ length: n }, (_, i) => factor * (i + 1));

Deno.test("Ema starts at the parameters and follows them by the formula, eager and replayed", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const params = sizes.map((n) => device.parameter(ramp(n, 1), [n]));
  const ema = new Ema(device, params, 0.75);
  for (const [i, data] of (await device.read(ema.averages)).entries()) assert.deepEqual(data, ramp(sizes[i]!, 1));
  const captured = device.capture(() => ema.update());
  let factor = 1;
  for (const [step, next] of [2, -3, 0.5].entries()) {
    params.forEach((param, i) => param.write(ramp(sizes[i]!, next)));
    if (step % 2) captured.replay();
    else ema.update();
    factor = 0.75 * factor + 0.25 * next;
  }
  for (const [i, data] of (await device.read(ema.averages)).entries()) {
    assertAllClose(data, ramp(sizes[i]!, factor), 1e-6, `average ${i}`);
  }
  captured.dispose();
});

Deno.test("Ema.swap exchanges parameters and averages and back", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const params = sizes.map((n) => device.parameter(ramp(n, 1), [n]));
  const ema = new Ema(device, params, 0.5);
  params.forEach((param, i) => param.write(ramp(sizes[i]!, 7)));
  ema.swap();
  for (const [i, data] of (await device.read(params)).entries()) assert.deepEqual(data, ramp(sizes[i]!, 1));
  for (const [i, data] of (await device.read(ema.averages)).entries()) assert.deepEqual(data, ramp(sizes[i]!, 7));
  ema.swap();
  for (const [i, data] of (await device.read(params)).entries()) assert.deepEqual(data, ramp(sizes[i]!, 7));
});

Deno.test("Ema refuses a decay of 1", async () => {
  const device = await testDevice();
  assert.throws(() => new Ema(device, [], 1), {
    name: "RangeError",
    message: "Cannot average parameters: decay must be at least 0 and below 1, got 1",
  });
});

Deno.test("a restored average goes on as the saved one; a state that does not fit is refused", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const params = [device.parameter(Float32Array.of(1, 2), [2])];
  const ema = new Ema(device, params, 0.5);
  params[0]!.write(Float32Array.of(3, 6));
  ema.update();
  const saved = { shape: [2], data: await ema.state().get("average.0")!.data() };
  const other = new Ema(device, params, 0.5);
  other.restore(new Map([["average.0", saved]]));
  for (const each of [ema, other]) each.update();
  assert.deepEqual([...await other.averages[0]!.data()], [...await ema.averages[0]!.data()]);
  assert.throws(() => other.restore(new Map()), {
    name: "UserError",
    message: "Cannot restore moving averages: the state has no average.0, wanted f32 [2]",
  });
});
