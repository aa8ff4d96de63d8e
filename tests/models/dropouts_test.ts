import assert from "node:assert/strict";
import { type DropoutRates, keyedDropouts, noDropout } from "../../src/models/dropouts.ts";
import { dropout } from "../../src/nn/dropout.ts";
import { testDevice } from "../support/device.ts";

const rates: DropoutRates = { token: 0.2, residual: 0.5, ffn: 0.7 };
const key = { seed: 3, stream: 1, step: 2 };

Deno.test("keyedDropouts: every call takes the next purpose, and the rate of its place", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.full([8, 9], 1);
  const { token, residual, ffn } = keyedDropouts(rates, key);
  const found = [token(x), residual(x), ffn(x), residual(x)];
  const expected = [0.2, 0.5, 0.7, 0.5].map((rate, purpose) => dropout(x, rate, { ...key, purpose }));
  const values = await device.read([...found, ...expected]);
  for (let call = 0; call < 4; call++) assert.deepEqual(values[call], values[4 + call], `call ${call}`);
  assert.notDeepEqual(values[1], values[3], "two calls of one place differ");
});

Deno.test("keyedDropouts: a forward pass begins again at purpose 0; other steps drop others", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.full([8, 9], 1);
  const draw = (step: number) => keyedDropouts(rates, { ...key, step }).residual(x);
  const [first, again, later] = await device.read([draw(2), draw(2), draw(3)]);
  assert.deepEqual(again, first);
  assert.notDeepEqual(later, first);
});

Deno.test("noDropout and rates of 0 hand on the tensor itself", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.full([4], 1);
  for (const { token, residual, ffn } of [noDropout, keyedDropouts({ token: 0, residual: 0, ffn: 0 }, key)]) {
    for (const place of [token, residual, ffn]) assert.equal(place(x), x);
  }
});

Deno.test("keyedDropouts refuses rates that are no probability below 1", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  assert.throws(() => keyedDropouts({ ...rates, ffn: 1 }, key).ffn(device.full([4], 1)), {
    name: "RangeError",
    message: "Cannot drop out: the rate must be at least 0 and below 1, got 1",
  });
});
