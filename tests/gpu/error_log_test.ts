import assert from "node:assert/strict";
import type { ShaderSource } from "../../src/gpu/kernel.ts";
import { Device } from "../../src/tensor/device.ts";
import { testDevice } from "../support/device.ts";
import { affine, applyAffine } from "./kernels.ts";

const head = `//@include grid
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
//@unroll i 0 3
// padding $i
//@end
`; // five lines

async function runWrong(source: ShaderSource, entry = "forward", overrides = {}): Promise<string> {
  const device = await testDevice();
  using _scope = device.scope();
  const y = device.zeros([1]);
  device.launch(source, entry, { read: [], write: [y], params: {}, overrides, grid: [1] });
  applyAffine(y, 1, 1);
  let message = "";
  await assert.rejects(y.data(), (error: Error) => {
    message = error.message;
    return true;
  });
  assert.ok(!message.includes("\n"), message);
  assert.deepEqual([...await device.zeros([1]).data()], [0], "the device works on after the error");
  return message;
}

Deno.test("a parsing error surfaces at the next read with file, line and kernel", async () => {
  const text = `${head}@compute @workgroup_size(1) fn forward() {
  y[0] = 1.0;
  y[0] = missing;
}`;
  assert.match(
    await runWrong({ name: "unparsable", text }),
    /^GPU error near affine\.wgsl\/forward: unparsable\.wgsl:8: no definition in scope for identifier: `missing`/,
  );
});

Deno.test("an error inside an unrolled block names the line of the source", async () => {
  const text = `${head}@compute @workgroup_size(1) fn forward() {
//@unroll i 0 4
  y[0] = f32($i);
  y[0] = $(i)u;
//@end
}`;
  assert.match(await runWrong({ name: "unrolled", text }), /: unrolled\.wgsl:9: /);
});

Deno.test("a type error of the validator surfaces with its reason", async () => {
  const text = `${head}fn half(x: u32) -> f32 { return x; }
@compute @workgroup_size(1) fn forward() { y[0] = half(1u); }`;
  assert.match(
    await runWrong({ name: "mistyped", text }),
    /: mistyped\.wgsl:6: Function \[\d+\] 'half' is invalid; The `return` expression .* does not match/,
  );
});

Deno.test("an error in an included file names that file", async () => {
  const text = `//@include grid\n@group(0) @binding(0) var<storage, read_write> y: array<f32>;
fn flat_index() {}
@compute @workgroup_size(1) fn forward() { y[0] = 1.0; }`;
  assert.match(await runWrong({ name: "twice", text }), /: (lib\/grid|twice)\.wgsl:\d+: redefinition of `flat_index`/);
});

const right = `${head}@compute @workgroup_size(1) fn forward() { y[0] = 1.0; }`;

Deno.test("errors of pipelines name the kernel", async () => {
  const source = { name: "right", text: right };
  assert.match(await runWrong(source, "backward"), /: right\.wgsl\/backward: .*entry point 'backward'/);
  assert.match(await runWrong(source, "forward", { WG: 8 }), /: right\.wgsl\/forward: .*constant 'WG' not found/);
  const readOnly = { name: "read_only", text: right.replace("read_write", "read") };
  assert.match(await runWrong(readOnly), /: read_only\.wgsl:6: /);
  const layout = { name: "layout", text: right.replace("@binding(0)", "@binding(3)") };
  assert.match(await runWrong(layout), /: layout\.wgsl\/forward: .*binding: 3/);
});

Deno.test("errors are thrown once, by the next read of any tensor", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.zeros([1]);
  device.gpu.adapter.device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
  await assert.rejects(x.data(), /^Error: GPU error near fill\.wgsl\/forward: `MAP` usage can only be combined/);
  assert.deepEqual([...await x.data()], [0]);
});

Deno.test("errors that come as events surface too", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.zeros([1]);
  const events = ["out of\n  memory", "and again"].map((message) =>
    new GPUUncapturedErrorEvent("uncapturederror", { error: new GPUOutOfMemoryError(message) })
  );
  for (const event of events) device.gpu.adapter.device.dispatchEvent(event);
  await assert.rejects(x.data(), { message: "GPU error near fill.wgsl/forward: out of memory (and 1 more)" });
});

Deno.test("watching for errors leaves reads fast", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.zeros([1]);
  await x.data();
  let best = Infinity;
  for (let i = 0; i < 20; i++) {
    const start = performance.now();
    await x.data();
    best = Math.min(best, performance.now() - start);
  }
  assert.ok(best < 5, `a read took ${best} ms`);
});

Deno.test("a lost device surfaces in one line with the last op", async () => {
  const device = await Device.open();
  const x = device.tensor(Float32Array.of(1));
  await x.data();
  const y = applyAffine(x, 1, 1);
  device.gpu.adapter.device.destroy();
  const lost =
    /^Error: The GPU device was lost \(device was lost\); the last op submitted was affine\.wgsl\/forward; start again$/;
  await assert.rejects(y.data(), lost);
  await assert.rejects(applyAffine(y, 1, 1).data(), lost, "and again");
});

Deno.test("a tensor of another device is refused", async () => {
  const device = await testDevice();
  const other = await Device.open();
  using _scope = device.scope();
  const x = device.zeros([1]), y = other.zeros([1]);
  assert.throws(
    () => device.launch(affine, "forward", { read: [x], write: [y], params: { n: 1, factor: 1, shift: 1 }, grid: [1] }),
    { message: "Cannot use a tensor of another device in affine" },
  );
  other.destroy();
});
