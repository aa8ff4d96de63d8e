import assert from "node:assert/strict";
import type { Scope } from "../../src/tensor/scope.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { softmax } from "../../src/ops/softmax.ts";
import { testDevice } from "../support/device.ts";

const message = (shape: string, op: string) =>
  `Cannot use a tensor of shape ${shape} in ${op}: its scope has ended; keep() it, or open the scope further out`;

Deno.test("use after the end of the scope names the op", async () => {
  const device = await testDevice();
  let x: Tensor;
  {
    using _scope = device.scope();
    x = device.zeros([2, 4]);
    await x.data();
  }
  assert.throws(() => softmax(x), { message: message("[2, 4]", "softmax") });
  await assert.rejects(x.data(), { message: message("[2, 4]", "data") });
  assert.throws(() => x.write(new Float32Array(8)), { message: message("[2, 4]", "write") });
  assert.throws(() => device.texture(x), { message: message("[2, 4]", "texture") });
});

Deno.test("keep lets a tensor outlive its scope, one level a call", async () => {
  const device = await testDevice();
  let kept: Tensor, inner: Tensor, lost: Tensor;
  {
    using outer = device.scope();
    {
      using scope = device.scope();
      [kept, inner, lost] = [1, 2, 3].map((value) => device.full([1], value)) as [Tensor, Tensor, Tensor];
      assert.equal(scope.keep(kept), kept);
      scope.keep(inner);
    }
    assert.deepEqual([...await inner.data(), ...await kept.data()], [2, 1]);
    await assert.rejects(lost.data());
    outer.keep(kept);
  }
  await assert.rejects(inner.data(), { message: message("[1]", "data") });
  assert.deepEqual([...await kept.data()], [1]);
  kept.dispose();
  await assert.rejects(kept.data());
});

Deno.test("views share the lifetime of their memory, and keeping one keeps all", async () => {
  const device = await testDevice();
  let view: Tensor, x: Tensor;
  {
    using scope = device.scope();
    x = device.tensor(Float32Array.of(1, 2, 3, 4));
    view = scope.keep(x.view([2, 2]));
  }
  assert.deepEqual([...await x.data()], [1, 2, 3, 4]);
  view.dispose();
  view.dispose(); // harmless
  await assert.rejects(x.data());
});

Deno.test("persistent: what its body makes outlives every scope, except in scopes of its own", async () => {
  const device = await testDevice();
  let constant: Tensor, passing: Tensor, ordinary: Tensor;
  {
    using _scope = device.scope();
    [constant, passing] = device.persistent(() => {
      const made = device.full([2], 5);
      using _inner = device.scope();
      return [made, device.zeros([2])];
    }) as [Tensor, Tensor];
    assert.throws(() => device.persistent(() => softmax(passing)), { message: message("[2]", "softmax") });
    ordinary = device.zeros([3]);
  }
  assert.deepEqual([...await constant.data()], [5, 5]);
  await assert.rejects(passing.data(), { message: message("[2]", "data") });
  await assert.rejects(ordinary.data(), { message: message("[3]", "data") }, "even after an error in a body");
  constant.dispose();
});

Deno.test("parameters outlive every scope", async () => {
  const device = await testDevice();
  let parameter: Tensor, live: number;
  const { counters } = device.gpu.pool;
  {
    using _outer = device.scope();
    using _inner = device.scope();
    live = counters.liveBytes;
    parameter = device.parameter(Float32Array.of(4, 2), [2]);
    assert.ok(parameter.requiresGrad);
    device.zeros([100]);
  }
  assert.deepEqual([...await parameter.data()], [4, 2]);
  assert.equal(counters.liveBytes, live + 256);
  parameter.dispose();
});

Deno.test("a scope gives back all memory, also where its body throws", async () => {
  const device = await testDevice();
  const { counters } = device.gpu.pool;
  const live = counters.liveBytes;
  assert.throws(() => {
    using _scope = device.scope();
    device.zeros([5]);
    device.tensor(Float32Array.of(1), [2]);
  }, { message: "Cannot write 1 values to shape [2]: wanted 2" });
  assert.equal(counters.liveBytes, live);
});

Deno.test("scopes end from the inside out", async () => {
  const device = await testDevice();
  const outer: Scope = device.scope(), x = device.zeros([1]);
  const inner = device.scope(), y = device.zeros([1]);
  assert.throws(() => outer[Symbol.dispose](), { message: "a scope must end before the one that encloses it" });
  assert.ok(x.storage.alive && y.storage.alive, "the refused end releases nothing");
  inner[Symbol.dispose]();
  assert.ok(x.storage.alive && !y.storage.alive);
  outer[Symbol.dispose]();
  assert.ok(!x.storage.alive);
});
