import assert from "node:assert/strict";
import { runClip } from "../../../src/cli/parity/clip.ts";
import { readCase } from "../../../src/cli/parity/reference_case.ts";
import { assertUserError } from "../../io/user_error.ts";
import { assertAllClose } from "../../support/assert_all_close.ts";
import { testDevice } from "../../support/device.ts";
import { fileTest } from "../../support/file_test.ts";

const fixture = new URL("../../fixtures/clip-embed", import.meta.url).pathname;

await fileTest(
  "parity: a clip case of other numbers of pictures and texts, with buffers beside its weights",
  async () => {
    const device = await testDevice(), given = await readCase(fixture);
    using _scope = device.scope();
    const pixels = given.inputs.get("pixel_values")!, size = 3 * 32 * 32;
    const inputs = new Map([
      ...given.inputs,
      ["pixel_values", { shape: [2, 3, 32, 32], data: pixels.data.subarray(size) }],
    ]);
    const ids = { shape: [1, 12], data: new Int32Array(12) };
    const weights = new Map([...given.weights, ["text_model.embeddings.position_ids", ids]]);
    const found = await runClip(device, { ...given, inputs, weights });
    assert.deepEqual(found.get("logits_per_image")!.shape, [2, 3]);
    const wanted = given.outputs.get("logits_per_image")!.data.subarray(3);
    assertAllClose(found.get("logits_per_image")!.data, wanted, given.tolerance);
  },
);

await fileTest("parity: a clip case with a wrong size or weight is told in one line", async () => {
  const device = await testDevice(), given = await readCase(fixture);
  using _scope = device.scope();
  const text_config = { ...given.config.text_config as object, num_attention_heads: 0 };
  await assertUserError(
    () => runClip(device, { ...given, config: { ...given.config, text_config } }),
    `Cannot load a CLIP by ${fixture}/case.json: text_config: num_attention_heads: Too small: expected number to be ` +
      ">=1; name the config.json of a CLIPModel",
  );
  const weights = new Map([...given.weights, ["logit_scale", { shape: [], data: Int32Array.of(1) }]]);
  await assertUserError(
    () => runClip(device, { ...given, weights }),
    "Cannot load weights: 1 of another shape or type: logit_scale is I32 [], wanted f32 []; pass the weights of this model",
  );
});
