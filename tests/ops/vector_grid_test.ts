import assert from "node:assert/strict";
import { vectorGrid } from "../../src/ops/vector_grid.ts";
import { Gpu } from "../../src/gpu/gpu.ts";
import { Device } from "../../src/tensor/device.ts";
import { testDevice } from "../support/device.ts";

Deno.test("vectorGrid gives lanes of software adapters several vectors where there are many", async () => {
  const { gpu } = await testDevice();
  const deviceOf = (software: boolean) => new Device(new Gpu({ ...gpu.adapter, software }, undefined, gpu.table));
  const software = deviceOf(true), hardware = deviceOf(false);
  const single = { WG: 64, VECTORS: 1 };
  assert.deepEqual(vectorGrid(software, 1), { overrides: single, grid: [1, 1, 1] });
  assert.deepEqual(vectorGrid(software, 16383), { overrides: single, grid: [256, 1, 1] });
  assert.deepEqual(vectorGrid(software, 16385), { overrides: { WG: 256, VECTORS: 4 }, grid: [17, 1, 1] });
  assert.deepEqual(vectorGrid(hardware, 16385), { overrides: single, grid: [257, 1, 1] });
  assert.deepEqual(vectorGrid(hardware, 64 * 65536), { overrides: single, grid: [32768, 2, 1] });
});
