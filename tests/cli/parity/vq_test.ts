import assert from "node:assert/strict";
import { readCase } from "../../../src/cli/parity/reference_case.ts";
import { runVqDecode, runVqEncode } from "../../../src/cli/parity/vq.ts";
import { fileTest } from "../../support/file_test.ts";
import { testDevice } from "../../support/device.ts";

const fixture = (name: string) => new URL(`../../fixtures/${name}`, import.meta.url).pathname;

await fileTest("parity: vq cases of images that are not square", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const given = await readCase(fixture("vq-encode"));
  const image = { shape: [1, 3, 4, 6], data: Float32Array.from({ length: 72 }, (_, i) => Math.sin(i)) };
  const found = (await runVqEncode(device, { ...given, inputs: new Map([["image", image]]) })).get("codes")!;
  assert.deepEqual(found.shape, [1, 6]);
  const decoding = { ...given, inputs: new Map([["codes", found]]), outputs: new Map([["image", image]]) };
  assert.deepEqual((await runVqDecode(device, decoding)).get("image")!.shape, [1, 3, 4, 6]);
});

await fileTest("parity: a vq case with a wrong size names file and field", async () => {
  const given = await readCase(fixture("vq-decode"));
  const config = { ...given.config, ch_mult: [1, 0] };
  await assert.rejects(runVqDecode(await testDevice(), { ...given, config }), {
    name: "UserError",
    message: /^Cannot read .*vq-decode\/case\.json: ch_mult\.1: /,
  });
});
