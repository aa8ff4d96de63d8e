import assert from "node:assert/strict";
import { adapterClass, defaultTable, familyRuns, kernelFamilies } from "../../src/gpu/kernel_table.ts";

const llvmpipe = { name: "llvmpipe (LLVM 15.0.6, 256 bits)", software: true, subgroupSize: 8 };

Deno.test("an adapter's class follows from its name; an unknown GPU gets the smaller tiles", () => {
  const classOf = (name: string) => adapterClass({ name, software: false });
  assert.equal(adapterClass(llvmpipe), "cpu");
  for (
    const name of ["NVIDIA H100 80GB HBM3", "AMD Radeon RX 7900 XT (RADV NAVI31)", "Intel(R) Arc(tm) A770 Graphics"]
  ) {
    assert.equal(classOf(name), "discrete", name);
  }
  for (const name of ["Intel(R) UHD Graphics 620", "Apple M2", "AMD Radeon 780M Graphics", "a GPU of next year"]) {
    assert.equal(classOf(name), "integrated", name);
  }
});

Deno.test("software adapters run lanes, or kernels without barriers where they have no subgroups of 8", () => {
  assert.ok(Object.values(defaultTable(llvmpipe)).every((family) => !family.startsWith("block")));
  assert.equal(defaultTable(llvmpipe).matmul, "lane");
  const narrow = defaultTable({ ...llvmpipe, subgroupSize: 4 });
  assert.ok(Object.values(narrow).every((family) => !family.startsWith("block") && family !== "lane"));
});

Deno.test("every default is one of the op's families, and runs on the adapter", () => {
  const adapters = [llvmpipe, ...["NVIDIA L4", "Apple M2"].map((name) => ({ name, software: false, subgroupSize: 0 }))];
  for (const adapter of adapters) {
    const table = defaultTable(adapter);
    assert.deepEqual(Object.keys(table), Object.keys(kernelFamilies));
    for (const [op, families] of Object.entries(kernelFamilies)) {
      const family = table[op as keyof typeof table];
      assert.ok((families as readonly string[]).includes(family) && familyRuns(family, adapter), `${op}: ${family}`);
    }
  }
});
