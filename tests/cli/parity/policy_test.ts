import assert from "node:assert/strict";
import { runCase } from "../../../src/cli/parity/kinds.ts";
import { readCase, type ReferenceCase } from "../../../src/cli/parity/reference_case.ts";
import { testDevice } from "../../support/device.ts";
import { fileTest } from "../../support/file_test.ts";

const fixture = new URL("../../fixtures/policy-logprob", import.meta.url).pathname;

await fileTest("parity of the policy: what a case's files cannot be is told in one line", async () => {
  const device = await testDevice(), given = await readCase(fixture);
  const refuses = (changes: Partial<ReferenceCase>, message: string | RegExp) =>
    assert.rejects(runCase(device, { ...given, ...changes }), { name: "UserError", message });
  await refuses(
    { config: { ...given.config, max_parallel: 5 } },
    "Cannot load weights: 2 of another shape or type: parallel_head.2.weight is Float32Array [4, 16], wanted f32 " +
      "[5, 16], parallel_head.2.bias is Float32Array [4], wanted f32 [5]; pass the weights of this model",
  );
  await refuses({ config: { state_dim: 11 } }, /case\.json: hidden_dim: missing; expected number/);
  const without = new Map([...given.inputs].filter(([name]) => name !== "degree"));
  await refuses({ inputs: without }, /^Cannot run policy\.logprob: it needs the input degree; /);
  const narrow = { shape: [5, 15], data: new Int32Array(75) };
  await refuses(
    { inputs: new Map([...given.inputs, ["generated_mask", narrow]]) },
    /^Cannot run policy\.logprob: Cannot .*\[5, 15\]/,
  );
});
