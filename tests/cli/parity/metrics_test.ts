import assert from "node:assert/strict";
import { runMetrics } from "../../../src/cli/parity/metrics.ts";
import { readCase } from "../../../src/cli/parity/reference_case.ts";
import { testDevice } from "../../support/device.ts";
import { fileTest } from "../../support/file_test.ts";

const fixture = new URL("../../fixtures/metrics", import.meta.url).pathname;

await fileTest("parity: a metrics case with its own k", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const given = await readCase(fixture);
  const wider = await runMetrics(device, { ...given, params: { k: 20 } });
  for (const name of ["precision", "recall"]) {
    assert.ok(wider.get(name)!.data[0]! > given.outputs.get(name)!.data[0]!, name);
  }
});

await fileTest("parity: a metrics case of features that do not compare", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const given = await readCase(fixture);
  const fake = { shape: [300, 8], data: given.inputs.get("features_fake")!.data };
  const inputs = new Map([...given.inputs, ["features_fake", fake]]);
  await assert.rejects(runMetrics(device, { ...given, inputs }), {
    name: "RangeError",
    message: "Cannot compare features of 16 and 8 dimensions: wanted the same",
  });
  await assert.rejects(runMetrics(device, { ...given, params: { k: 0 } }), {
    name: "UserError",
    message: /^Cannot read .*metrics\/case\.json: k: /,
  });
});
