import assert from "node:assert/strict";
import { openAdapter } from "../../src/gpu/adapter.ts";
import { Gpu } from "../../src/gpu/gpu.ts";
import { defaultTable, type KernelTable } from "../../src/gpu/kernel_table.ts";
import { attention } from "../../src/ops/attention.ts";
import { conv2d } from "../../src/ops/conv2d.ts";
import { matmul } from "../../src/ops/matmul.ts";
import { softmax } from "../../src/ops/softmax.ts";
import { Device } from "../../src/tensor/device.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { deviceWith, testDevice } from "../support/device.ts";

const block: KernelTable = {
  matmul: "block64",
  packedMatmul: "block",
  rows: "block",
  attention: "block",
  conv2d: "block",
};

/** A heavy op of each kind, forward. */
function heavyOps(device: Device) {
  const heads = device.parameter(new Float32Array(2 * 64 * 8).fill(0.1), [1, 2, 64, 8]);
  const image = device.full([1, 16, 8, 8], 1), weight = device.full([16, 16, 3, 3], 1);
  const attended = attention(heads, heads, heads);
  const outputs = [matmul(device.full([64, 64], 1), device.full([64, 64], 1)), attended];
  return { heads, attended, outputs: [...outputs, conv2d(image, weight, null), softmax(device.full([128, 64], 1))] };
}

/** Shader files that the heavy ops run. */
async function filesOf(device: Device): Promise<Set<string>> {
  const profiler = device.gpu.startProfiling();
  using _scope = device.scope();
  const { heads, outputs } = heavyOps(device);
  await device.read(outputs);
  const profiles = await profiler.report();
  device.gpu.stopProfiling();
  heads.dispose();
  return new Set(profiles.map(({ kernel }) => kernel.split(".")[0]!));
}

const { gpu } = await testDevice();
const noTimes = !gpu.adapter.features.has("timestamp-query");

Deno.test({ name: "ops run the kernels that the table names (needs timestamp queries)", ignore: noTimes }, async () => {
  const blocks = await filesOf(await deviceWith(block));
  for (const op of ["matmul", "attention", "conv2d", "softmax"]) assert.ok(blocks.has(`${op}_block`), `${op}_block`);
  const table = { matmul: "plain", rows: "plain", attention: "register", conv2d: "plain" } as const;
  const plain = await filesOf(await deviceWith(table));
  for (const file of ["matmul", "attention_register", "conv2d", "softmax"]) assert.ok(plain.has(file), file);
});

Deno.test({
  name: "software adapters with subgroups of 8 run lanes (needs llvmpipe)",
  ignore: noTimes || gpu.adapter.subgroupSize !== 8,
}, async () => {
  const files = await filesOf(await testDevice());
  for (const op of ["matmul", "attention", "conv2d", "softmax"]) assert.ok(files.has(`${op}_subgroup`), op);
});

Deno.test("the tiles keep to the workgroup memory and the lanes that every device grants", async () => {
  const adapter = await openAdapter();
  const source = (await navigator.gpu.requestAdapter({ powerPreference: "high-performance" }))!;
  // Nine buffers of attention's backward are more than the default.
  const device = await source.requestDevice({ requiredLimits: { maxStorageBuffersPerShaderStage: 9 } });
  assert.equal(device.limits.maxComputeWorkgroupStorageSize, 16384);
  assert.equal(device.limits.maxComputeInvocationsPerWorkgroup, 256);
  const small = new Device(new Gpu({ ...adapter, device, subgroupSize: 0 }, undefined, block));
  const { heads, attended, outputs } = heavyOps(small);
  const loss = small.zeros([1]);
  const seed = small.full(attended.shape, 1);
  loss.node = { id: small.nodes++, op: "seed", inputs: [attended], outputs: [loss], backward: () => [seed] };
  loss.requiresGrad = true;
  const [gradient] = gradients(loss, [heads]);
  await small.read([...outputs, gradient!]);
  device.destroy();
  adapter.device.destroy();
});

Deno.test("a device opens with the kernels that the caller chooses", async () => {
  const device = await Device.open({ choose: (adapter) => ({ ...defaultTable(adapter), rows: "block" }) });
  assert.equal(device.gpu.table.rows, "block");
  device.destroy();
});
