import assert from "node:assert/strict";
import type { ShaderSource } from "../../src/gpu/kernel.ts";
import { Gpu } from "../../src/gpu/gpu.ts";
import type { Device } from "../../src/tensor/device.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { applyAffine } from "./kernels.ts";

/** Long enough for any clock: a chain of 20,000 multiplications and additions a lane. */
const chain: ShaderSource = {
  name: "chain",
  text: `struct Params { rounds: u32 }
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;
@compute @workgroup_size(64) fn forward(@builtin(global_invocation_id) id: vec3u) {
  var x = f32(id.x);
  for (var i = 0u; i < params.rounds; i++) { x = x * 0.5 + 1.0; }
  y[id.x] = x;
}`,
};
const rounds = 20_000, lanes = 1024;

async function step(device: Device): Promise<number[]> {
  using _scope = device.scope();
  const y = device.empty([lanes]);
  for (let i = 0; i < 2; i++) {
    const cost = { flops: 2 * rounds * lanes, bytes: 4 * lanes };
    device.launch(chain, "forward", { read: [], write: [y], params: { rounds }, grid: [lanes / 64], cost });
  }
  const shifted = applyAffine(y, 1, 0.5);
  return [...await applyAffine(shifted, 2, 0).data()];
}

Deno.test("profiling counts and times every kernel and changes no result", async () => {
  const device = await testDevice();
  const plain = await step(device);
  const profiler = device.gpu.startProfiling();
  assert.deepEqual(await step(device), plain);
  const wall = performance.now();
  assert.deepEqual(await step(device), plain);
  const elapsed = performance.now() - wall;
  device.gpu.stopProfiling();
  assert.deepEqual(await step(device), plain);
  const [first, second, ...rest] = await profiler.report();
  assert.deepEqual(rest, []);
  assert.deepEqual([first!.kernel, first!.count], ["chain.wgsl/forward", 4]);
  assert.deepEqual([second!.kernel, second!.count], ["affine.wgsl/forward", 4]);
  assert.ok(second!.milliseconds > 0 && first!.milliseconds > second!.milliseconds);
  assert.ok(first!.milliseconds < 20 * elapsed, `${first!.milliseconds} ms on the device, ${elapsed} ms a step`);
  const flops = 4 * 2 * rounds * lanes, bytes = 4 * 4 * lanes;
  assertAllClose([first!.gflops! * first!.milliseconds * 1e6 / flops], [1], 1e-12);
  assertAllClose([first!.gbytes! * first!.milliseconds * 1e6 / bytes], [1], 1e-12);
  assert.equal(second!.gflops, undefined);
  assert.equal(second!.gbytes, undefined);
});

Deno.test("profiling splits long batches over query sets, and a replay is measured too", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor(Float32Array.of(0));
  const captured = device.capture(() => {
    let y = x;
    for (let i = 0; i < 2500; i++) y = applyAffine(y, 1, 1);
    return y;
  });
  const profiler = device.gpu.startProfiling();
  captured.replay();
  device.gpu.stopProfiling();
  assert.deepEqual([...await captured.result.data()], [2500]);
  const [row] = await profiler.report();
  assert.equal(row!.count, 2500);
  captured.dispose();
});

Deno.test("profiling is refused where the adapter has no timestamps", async () => {
  const { adapter } = (await testDevice()).gpu;
  const gpu = new Gpu({ ...adapter, name: "a plain adapter", features: new Set() });
  assert.throws(() => gpu.startProfiling(), {
    name: "UserError",
    message: "Cannot profile on a plain adapter: it has no timestamp queries; use another adapter",
  });
});
