import assert from "node:assert/strict";
import { Scalar } from "../../src/gpu/params.ts";
import type { Device } from "../../src/tensor/device.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { affine, applyAffine } from "../gpu/kernels.ts";
import { testDevice } from "../support/device.ts";

const ops = 300;

/** The dispatches of the captured step in plain WebGPU calls, with everything prepared: the floor under a replay. */
function plainStep(device: Device, x: Tensor): () => void {
  const { kernels, adapter: { device: webgpu } } = device.gpu;
  const kernel = kernels.kernel(affine, "forward", "rw");
  const [a, b] = [x, device.empty([1])].map((tensor) => tensor.storage.pooled);
  const groups = [kernels.bindGroup(kernel, [a!, b!]), kernels.bindGroup(kernel, [b!, a!])];
  const buffer = webgpu.createBuffer({ size: 256, usage: GPUBufferUsage.UNIFORM });
  const entries = [{ binding: 0, resource: { buffer } }];
  const uniforms = webgpu.createBindGroup({ layout: kernels.paramsLayout, entries });
  const offsets = Uint32Array.of(0);
  return () => {
    const encoder = webgpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(kernel.pipeline);
    for (let i = 0; i < ops; i++) {
      pass.setBindGroup(0, groups[i % 2]!);
      pass.setBindGroup(1, uniforms, offsets, 0, 1);
      pass.dispatchWorkgroups(1, 1, 1);
    }
    pass.end();
    webgpu.queue.submit([encoder.finish()]);
  };
}

Deno.test("a replay costs the host at most 3 microseconds an op, or hardly more than WebGPU itself", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = device.tensor([0]), one = new Scalar(1);
  const captured = device.capture(() => {
    let y = applyAffine(x, 1, one);
    for (let i = 1; i < ops; i++) {
      const next = applyAffine(y, 1, one);
      y.dispose();
      y = next;
    }
    return y;
  });
  const plain = plainStep(device, device.tensor([0]));
  const microseconds = async (step: () => void) => {
    const start = performance.now();
    step();
    const spent = performance.now() - start;
    await captured.result.data(); // an idle device before the next measurement
    return 1000 * spent / ops;
  };
  // A busy machine slows both down: the least of many repeats is the cost of the code.
  let replay = Infinity, floor = Infinity;
  for (let i = 0; i < 200 && (i === 0 || replay > Math.max(3, 1.5 * floor)); i++) {
    replay = Math.min(replay, await microseconds(() => captured.replay()));
    floor = Math.min(floor, await microseconds(plain));
  }
  assert.ok(replay <= Math.max(3, 1.5 * floor), `${replay} microseconds an op, WebGPU alone ${floor}`);
  assert.deepEqual([...await captured.result.data()], [ops]);
  captured.dispose();
});
