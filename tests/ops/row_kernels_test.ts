import assert from "node:assert/strict";
import { lanesPerRow } from "../../src/ops/row_kernels.ts";
import { deviceWith, testDevice } from "../support/device.ts";

const noLanes = (await testDevice()).gpu.adapter.subgroupSize !== 8;

Deno.test({ name: "lanes share rows where there is enough to do (needs llvmpipe)", ignore: noLanes }, async () => {
  const device = await deviceWith({ rows: "lane" });
  assert.deepEqual(lanesPerRow(device, 4096, 64), { own: 2, share: 16 });
  assert.deepEqual(lanesPerRow(device, 1024, 1024), { own: 32, share: 16 });
  assert.deepEqual(lanesPerRow(device, 130, 36), { own: 2, share: 3 }, "lanes idle, a group with fewer rows");
  assert.deepEqual(lanesPerRow(device, 5, 1000), { own: 32, share: 1 });
  assert.deepEqual(lanesPerRow(device, 1025, 4), { own: 1, share: 16 });
});

Deno.test("a lane walks its row where lanes cannot share it", async () => {
  const device = await deviceWith({ rows: "lane" }); // launches nothing
  assert.equal(lanesPerRow(device, 64, 64), null, "few elements");
  assert.equal(lanesPerRow(device, 100, 1028), null, "too long");
  assert.equal(lanesPerRow(device, 1000, 63), null, "no multiple of 4");
  for (const rows of ["plain", "block"] as const) {
    assert.equal(lanesPerRow(await deviceWith({ rows }), 4096, 64), null, rows);
  }
});
