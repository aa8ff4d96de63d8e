import assert from "node:assert/strict";
import { compareOutputs } from "../../../src/cli/parity/compare.ts";
import { runCase } from "../../../src/cli/parity/kinds.ts";
import { readCase, type ReferenceCase } from "../../../src/cli/parity/reference_case.ts";
import { testDevice } from "../../support/device.ts";
import { fileTest } from "../../support/file_test.ts";

const fixture = (name: string) => new URL(`../../fixtures/llamagen-${name}`, import.meta.url).pathname;

await fileTest(
  "parity of LlamaGen: temperature 0 is as good as top-k 1, and guidance is part of the case",
  async () => {
    const device = await testDevice(), given = await readCase(fixture("generate"));
    const passes = async (params: ReferenceCase["params"]) => {
      const changed = { ...given, params };
      return compareOutputs(changed, await runCase(device, changed)).passed;
    };
    assert.equal(await passes({ guidance_scale: 2, temperature: 0, top_k: null, top_p: null }), true);
    assert.equal(await passes({ guidance_scale: 2, top_k: 1, top_p: 0.5 }), true);
    assert.equal(await passes({ top_k: 1 }), false, "no guidance");
  },
);

await fileTest("parity of LlamaGen: what a case's files cannot be is told in one line", async () => {
  const device = await testDevice(), given = await readCase(fixture("forward"));
  const refuses = (changes: Partial<ReferenceCase>, message: string | RegExp) =>
    assert.rejects(runCase(device, { ...given, ...changes }), { name: "UserError", message });
  await refuses(
    { config: { ...given.config, block_size: 15 } },
    "Cannot run llamagen.forward: Cannot make a LlamaGen: cells must be a square number, got 15",
  );
  await refuses(
    { config: { ...given.config, n_layer: 0 } },
    `Cannot read ${given.folder}/case.json: n_layer: expected more than 0, received number 0`,
  );
  await refuses(
    { config: { ...given.config, n_layer: 3 } },
    /^Cannot load weights: 7 of 25 parameters missing: layers\.2\.attention\.wqkv\.weight \[192, 64\], /,
  );
  await refuses(
    { inputs: new Map([["tokens", given.inputs.get("tokens")!]]) },
    "Cannot run llamagen.forward: it needs the input classes; inputs.safetensors has tokens",
  );
});
