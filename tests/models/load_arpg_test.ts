import assert from "node:assert/strict";
import { arpgMetadata, loadArpg, parseArpgConfig } from "../../src/models/load_arpg.ts";
import type { HostTensor } from "../../src/tensor/host_tensor.ts";
import { testDevice } from "../support/device.ts";
import { tinyArpg, tinyArpgConfig } from "./tiny_arpg.ts";

/** What a file with a tiny model holds. */
async function savedArpg() {
  const device = await testDevice();
  const parameters = [...tinyArpg(device).parameters()];
  const data = await device.read(parameters.map(([, tensor]) => tensor));
  const tensors = new Map(
    parameters.map(([name, { shape }], i): [string, HostTensor] => [name, { shape, data: data[i]! }]),
  );
  return { device, tensors, metadata: arpgMetadata(tinyArpgConfig) };
}

Deno.test("loadArpg makes the model whose sizes the metadata carry, with the file's weights", async () => {
  const { device, tensors, metadata } = await savedArpg();
  const model = loadArpg(device, { tensors, metadata }, "arpg.safetensors");
  assert.deepEqual(model.config, tinyArpgConfig);
  const parameters = [...model.parameters()];
  const data = await device.read(parameters.map(([, tensor]) => tensor));
  parameters.forEach(([name], i) => assert.deepEqual(data[i], tensors.get(name)!.data, name));
  assert.equal(metadata.family, "arpg");
});

for (
  const [what, metadata, reason] of [
    ["no config", {}, "its metadata has no config"],
    ["no JSON", { config: "{dim" }, "the config in its metadata is not that of an ARPG"],
    ["another family's config", { config: '{"ch":4}' }, "the config in its metadata is not that of an ARPG"],
    [
      "an odd number of layers",
      arpgMetadata({ ...tinyArpgConfig, layers: 3 }),
      "the config in its metadata is not that of an ARPG",
    ],
    [
      "cells that are no square",
      arpgMetadata({ ...tinyArpgConfig, cells: 15 }),
      "the config in its metadata is not that of an ARPG",
    ],
  ] as const
) {
  Deno.test(`loadArpg refuses metadata with ${what}`, () => {
    assert.throws(() => parseArpgConfig(metadata, "other.safetensors"), {
      name: "UserError",
      message: `Cannot load an ARPG from other.safetensors: ${reason}; name a file that the digits_arpg job wrote`,
    });
  });
}

Deno.test("loadArpg names the file whose tensors do not fit its sizes", async () => {
  const { device, tensors, metadata } = await savedArpg();
  tensors.delete("layers.to_k.weight");
  assert.throws(() => loadArpg(device, { tensors, metadata }, "cut.safetensors"), {
    name: "UserError",
    message: "cut.safetensors: Cannot load weights: 1 of 39 parameters missing: layers.to_k.weight [32, 32]; " +
      "pass the weights of this model",
  });
  const huge = arpgMetadata({ ...tinyArpgConfig, dim: 2 ** 20 });
  assert.throws(() => loadArpg(device, { tensors, metadata: huge }, "huge.safetensors"), {
    name: "UserError",
    message: /^huge\.safetensors: Cannot load weights: .*embeddings\.weight is Float32Array \[18, 32\], wanted f32/,
  });
});
