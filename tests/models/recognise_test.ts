import assert from "node:assert/strict";
import { openWeights } from "../../src/io/weight_file.ts";
import { arpgPresets, arpgShapes } from "../../src/models/arpg_config.ts";
import { clipPresets, clipShapes } from "../../src/models/clip_config.ts";
import { llamaGenPresets, llamaGenShapes } from "../../src/models/llamagen_config.ts";
import { landmarks, recogniseModel } from "../../src/models/recognise.ts";
import { vq16 } from "../../src/models/vq_config.ts";
import type { Shape } from "../../src/tensor/shape.ts";
import { tinyClip } from "./tiny_clip.ts";
import { fileTest } from "../support/file_test.ts";

Deno.test("recognise: the published models by their shapes alone", () => {
  for (const [preset, config] of Object.entries(arpgPresets)) {
    assert.deepEqual(recogniseModel(arpgShapes(config)), { family: "arpg", preset, config, assumed: [] });
  }
  for (const [preset, config] of Object.entries(llamaGenPresets)) {
    assert.deepEqual(recogniseModel(llamaGenShapes(config)), { family: "llamagen", preset, config, assumed: [] });
  }
  for (const [preset, config] of Object.entries(clipPresets)) {
    assert.deepEqual(recogniseModel(clipShapes(config)), { family: "clip", preset, config, assumed: [] });
  }
});

/** The tensors of a VQ tokenizer that tell its sizes. */
function vqShapes(levels: number[], blocks: number): Map<string, Shape> {
  const shapes = new Map<string, Shape>([
    ["quantize.embedding.weight", [16384, 8]],
    ["encoder.conv_in.weight", [128, 3, 3, 3]],
    ["encoder.conv_out.weight", [256, 512, 3, 3]],
  ]);
  levels.forEach((channels, level) => {
    for (let i = 0; i < blocks; i++) {
      shapes.set(`encoder.conv_blocks.${level}.res.${i}.conv1.weight`, [channels, 128, 3, 3]);
    }
  });
  return shapes;
}

Deno.test("recognise: VQ-16, and a tokenizer of other sizes", () => {
  const published = recogniseModel(vqShapes([128, 128, 256, 256, 512], 2));
  assert.deepEqual(published, { family: "vq", preset: "VQ-16", config: vq16, assumed: [] });
  const other = recogniseModel(vqShapes([128, 256], 1));
  const config = { ...vq16, ch_mult: [1, 2], num_res_blocks: 1 };
  assert.deepEqual(other, { family: "vq", preset: null, config, assumed: ["norm_groups"] });
});

Deno.test("recognise: other sizes name what no tensor shows; a learned position shows the cells", () => {
  const config = { ...arpgPresets["ARPG-L"], dim: 96, layers: 4, heads: 3, vocab: 20, classes: 5 };
  assert.deepEqual(recogniseModel(arpgShapes(config)), {
    family: "arpg",
    preset: null,
    config,
    assumed: ["heads", "cells"],
  });
  const learned = { ...config, cells: 49, position: "learned" } as const;
  assert.deepEqual(recogniseModel(arpgShapes(learned)), {
    family: "arpg",
    preset: null,
    config: learned,
    assumed: ["heads"],
  });
  const small = { ...llamaGenPresets["LlamaGen-B"], dim: 128, layers: 1, heads: 2, cells: 16 };
  assert.deepEqual(recogniseModel(llamaGenShapes(small))?.assumed, ["heads", "cells"]);
});

Deno.test("recognise: a CLIP of other sizes, and tensors that make none", () => {
  const shapes = clipShapes(tinyClip), found = recogniseModel(shapes);
  const { text_config, vision_config } = tinyClip;
  assert.deepEqual(found, {
    family: "clip",
    preset: null,
    config: { // heads of the largest power of two
      ...tinyClip,
      text_config: { ...text_config, num_attention_heads: 1 },
      vision_config: { ...vision_config, num_attention_heads: 3 },
    },
    assumed: ["logit_scale_init_value", "num_attention_heads", "hidden_act", "layer_norm_eps", "eos_token_id"],
  });
  const places = "vision_model.embeddings.position_embedding.weight";
  for (const rows of [6, 1]) {
    assert.equal(recogniseModel(new Map([...shapes, [places, [rows, 12]]])), null, "no square");
  }
});

Deno.test("recognise: sizes in the metadata count, unless they are of another model", () => {
  const config = { ...arpgPresets["ARPG-L"], dim: 64, layers: 2, heads: 4, cells: 16 };
  const shapes = arpgShapes(config);
  const told = recogniseModel(shapes, { config: JSON.stringify(config) });
  assert.deepEqual(told, { family: "arpg", preset: null, config, assumed: [] });
  for (const other of ["{", "[]", JSON.stringify({ dim: 64 }), JSON.stringify(vq16)]) {
    assert.deepEqual(recogniseModel(shapes, { config: other })?.config, { ...config, heads: 1, cells: 256 }, other);
  }
});

Deno.test("recognise: a model some of whose tensors are missing or of another shape is still that model", () => {
  const shapes = arpgShapes(arpgPresets["ARPG-L"]);
  shapes.delete("layers.cross_dec.11.attn.to_q.weight");
  shapes.set("norm.weight", [7]);
  assert.equal(recogniseModel(shapes)?.preset, "ARPG-L");
});

Deno.test("recognise: sizes that make no model", () => {
  const config = { ...arpgPresets["ARPG-L"], dim: 64, layers: 2, heads: 4, cells: 16 };
  const shapes = arpgShapes(config);
  for (const changes of [{ heads: 5 }, { cells: 17 }]) {
    assert.equal(recogniseModel(shapes, { config: JSON.stringify({ ...config, ...changes }) }), null);
  }
  const own = { ...llamaGenPresets["LlamaGen-B"], layers: 1 };
  assert.equal(recogniseModel(llamaGenShapes(own), { config: JSON.stringify({ ...own, heads: 7 }) }), null);
  const two = new Map([...shapes].map(([name, shape]) => [name, shape.map((size) => size === 64 ? 2 : size)]));
  assert.equal(recogniseModel(two), null, "no rotary pairs in two channels");
  const vq = vqShapes([128, 128], 2);
  assert.equal(recogniseModel(vq, { config: JSON.stringify({ ...vq16, norm_groups: 7 }) }), null);
  vq.set("encoder.conv_in.weight", [48, 3, 3, 3]);
  for (const level of [0, 1]) vq.set(`encoder.conv_blocks.${level}.res.0.conv1.weight`, [48, 48, 3, 3]);
  assert.equal(recogniseModel(vq), null, "32 groups do not divide 48 channels");
});

Deno.test("recognise: other tensors are no model", () => {
  const without = (shapes: ReadonlyMap<string, Shape>, name: string) =>
    new Map([...shapes].filter(([key]) => key !== name));
  const shapes = arpgShapes(arpgPresets["ARPG-L"]), others = llamaGenShapes(llamaGenPresets["LlamaGen-B"]);
  const vq = vqShapes([128, 128, 256, 256, 512], 2);
  assert.equal(recogniseModel(new Map()), null);
  const clip = clipShapes(clipPresets["ViT-B/32"]!);
  for (const [family, whole] of [["arpg", shapes], ["llamagen", others], ["vq", vq], ["clip", clip]] as const) {
    for (const name of landmarks[family]) assert.equal(recogniseModel(without(whole, name)), null, name);
  }
  assert.equal(recogniseModel(new Map([...shapes, ["layers.self_dec.0.ffn.w1.weight", [7, 1024]]])), null);
  assert.equal(recogniseModel(new Map([...shapes, ["embeddings.weight", [16384, 1024]]])), null);
  assert.equal(recogniseModel(vqShapes([128, 200], 2)), null);
});

await fileTest("recognise: the reference cases' files", async () => {
  const fixtures = new URL("../fixtures/", import.meta.url).pathname;
  for (const [folder, family] of [["arpg-forward", "arpg"], ["llamagen-forward", "llamagen"], ["vq-decode", "vq"]]) {
    using file = await openWeights(`${fixtures}${folder}/weights.safetensors`);
    const shapes = new Map([...file.entries].map(([name, { shape }]) => [name, shape]));
    const model = recogniseModel(shapes, file.metadata);
    assert.equal(model?.family, family);
    const reference = JSON.parse(await Deno.readTextFile(`${fixtures}${folder}/case.json`)).config;
    const config: Record<string, unknown> = { ...model!.config };
    const names = {
      n_layer: "layers",
      vocab_size: "vocab",
      num_classes: "classes",
    } as const;
    for (const [name, size] of Object.entries(reference)) {
      // No tensor shows the first two; several roundings make the same width.
      if (["n_head", "block_size", "multiple_of"].includes(name)) continue;
      const ours = name in config ? name : names[name as keyof typeof names];
      assert.deepEqual(config[ours], size, `${folder} ${name}`);
    }
  }
});
