import assert from "node:assert/strict";
import { cellSize, normGroups, parseVqConfig, vq16 } from "../../src/models/vq_config.ts";

Deno.test("VQ sizes: cells and groups follow from the channels", () => {
  assert.deepEqual([cellSize(vq16), normGroups(vq16)], [16, 32]);
  assert.deepEqual([cellSize({ ...vq16, ch_mult: [3] }), normGroups({ ...vq16, ch: 8 })], [1, 8]);
  assert.equal(normGroups({ ...vq16, norm_groups: 4 }), 4);
});

Deno.test("parseVqConfig: what a checkpoint says comes back; what it does not say is named", () => {
  assert.deepEqual(parseVqConfig({ config: JSON.stringify(vq16) }, "x"), vq16);
  const { image_channels: _, norm_groups: __, ...published } = vq16;
  assert.deepEqual(parseVqConfig({ config: JSON.stringify(published) }, "x"), vq16);
  const refuses = (metadata: Record<string, string>, message: string | RegExp) =>
    assert.throws(() => parseVqConfig(metadata, "a.safetensors"), { name: "UserError", message });
  refuses(
    { model: "arpg" },
    "Cannot load the tokenizer a.safetensors: its metadata has no config; " +
      "name a file that the digits_tokenizer job wrote",
  );
  refuses({ config: "{" }, /^Cannot load the tokenizer a\.safetensors: config in its metadata: Expected property name/);
  refuses(
    { config: JSON.stringify({ ...vq16, ch: 0.5 }) },
    /^Cannot load the tokenizer a\.safetensors: config in its metadata: ch: .*int/,
  );
});
