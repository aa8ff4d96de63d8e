import assert from "node:assert/strict";
import { writeSafetensors } from "../../src/io/safetensors.ts";
import { openPainter } from "../../src/jobs/open_painter.ts";
import { arpgMetadata } from "../../src/models/load_arpg.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { tinyLlamaGen } from "../models/tiny_llamagen.ts";
import { testDevice } from "../support/device.ts";
import { fileTest } from "../support/file_test.ts";
import { toHost } from "../../src/jobs/run_state.ts";
import { paintOne, smallArpg, smallVq, smallWeights, torchFile, type Weights } from "./published_files.ts";

await fileTest(
  "openPainter: published checkpoints of every layout paint what the job's own files paint",
  () =>
    withTemporaryFolder(async (folder) => {
      const { arpg, vq } = await smallWeights();
      const own = { model: `${folder}/arpg.safetensors`, tokenizer: `${folder}/vq.safetensors` };
      await writeSafetensors(own.model, arpg, arpgMetadata(smallArpg));
      await writeSafetensors(own.tokenizer, vq, { config: JSON.stringify(smallVq) });
      const expected = await paintOne(own.model, own.tokenizer);
      assert.deepEqual([expected.codes.length, expected.images.length], [256, 32 * 32 * 3]);
      assert.ok(new Set(expected.codes).size > 4, "codes of all kinds");

      const withBuffers = new Map([
        ...arpg,
        ["freqs_cis", { shape: [257, 16, 2], data: new Float32Array(257 * 32) }],
      ]);
      const counted = new Map([...vq, ["quantize.codebook_used", { shape: [99], data: new Float32Array(99) }]]);
      const files: Record<string, () => Promise<void>> = {
        "arpg_l.pt": () => Deno.writeFile(`${folder}/arpg_l.pt`, torchFile(withBuffers, "model", "HalfStorage")),
        "module.pt": () => Deno.writeFile(`${folder}/module.pt`, torchFile(arpg, "module")),
        "state.pth": () => Deno.writeFile(`${folder}/state.pth`, torchFile(arpg, "state_dict")),
        "top.bin": () => Deno.writeFile(`${folder}/top.bin`, torchFile(withBuffers, null)),
        "half.safetensors": () => writeSafetensors(`${folder}/half.safetensors`, arpg, {}, { dtype: "F16" }),
      };
      await Deno.writeFile(`${folder}/vq_ds16_c2i.pt`, torchFile(counted, "model"));
      for (const [name, write] of Object.entries(files)) {
        await write();
        assert.deepEqual(await paintOne(`${folder}/${name}`, `${folder}/vq_ds16_c2i.pt`), expected, name);
      }
    }),
);

/** The error of opening these files, without the folder's name. */
async function refusal(folder: string, model: string, tokenizer = "vq.pt"): Promise<string> {
  const error = await openPainter(await testDevice(), `${folder}/${model}`, `${folder}/${tokenizer}`)
    .then(() => assert.fail("opened"), (error) => error);
  assert.equal(error.name, "UserError", error.stack);
  assert.doesNotMatch(error.message, /\n/);
  return error.message.replaceAll(`${folder}/`, "");
}

const inspect = "deno task inspect lists what it has";

await fileTest(
  "openPainter: everything that is wrong with a file's tensors is in one line",
  () =>
    withTemporaryFolder(async (folder) => {
      const { arpg, vq } = await smallWeights();
      const write = (name: string, weights: Weights) =>
        Deno.writeFile(`${folder}/${name}`, torchFile(weights, "model"));
      await write("vq.pt", vq);
      const broken = new Map(arpg);
      broken.delete("norm.weight");
      broken.delete("layers.cross_dec.0.attn.proj.weight");
      broken.set("layers.self_dec.0.attn.proj.weight", { shape: [2, 3], data: new Float32Array(6) });
      broken.set("ema.decay", { shape: [], data: Float32Array.of(0.9) });
      await write("broken.pt", broken);
      assert.equal(
        await refusal(folder, "broken.pt"),
        "broken.pt: Cannot load weights: 2 of 22 parameters missing: layers.cross_dec.0.attn.proj.weight [64, 64], " +
          "norm.weight [64]; 1 of another shape or type: layers.self_dec.0.attn.proj.weight is F32 [2, 3], wanted f32 " +
          "[64, 64]; 1 unexpected: ema.decay []; pass the weights of this model",
      );
      await write("arpg.pt", arpg);
      vq.delete("decoder.conv_out.bias");
      await write("broken.pt", vq);
      assert.match(
        await refusal(folder, "arpg.pt", "broken.pt"),
        /^broken\.pt: Cannot load weights: 1 of \d+ parameters missing: decoder\.conv_out\.bias \[3\]; pass/,
      );
    }),
);

await fileTest(
  "openPainter: files of other kinds, of none, and of other codes are one line",
  () =>
    withTemporaryFolder(async (folder) => {
      const device = await testDevice();
      const { arpg, vq } = await smallWeights();
      await Deno.writeFile(`${folder}/vq.pt`, torchFile(vq, "model"));
      await Deno.writeFile(`${folder}/arpg.pt`, torchFile(arpg, "model"));
      const safetensors = (name: string, weights: Weights, metadata = {}) =>
        writeSafetensors(`${folder}/${name}`, weights, metadata);
      await safetensors("llamagen.safetensors", await toHost(device, tinyLlamaGen(device).parameters()));
      await safetensors("none.safetensors", new Map());
      const some = new Map([...arpg].filter(([name]) => name !== "head.weight"));
      await safetensors("some.safetensors", some, arpgMetadata(smallArpg));
      await safetensors("heads.safetensors", arpg, arpgMetadata({ ...smallArpg, heads: 5 }));
      await safetensors("groups.safetensors", vq, { config: JSON.stringify({ ...smallVq, norm_groups: 5 }) });
      const expected: [reason: string, model: string, tokenizer?: string][] = [
        ["an ARPG from vq.pt: it holds a VQ tokenizer", "vq.pt"],
        ["an ARPG from llamagen.safetensors: it holds a LlamaGen", "llamagen.safetensors"],
        ["an ARPG from some.safetensors: it has no tensor head.weight", "some.safetensors"],
        [
          "an ARPG from heads.safetensors: the sizes of its tensors, or those in its metadata, make none",
          "heads.safetensors",
        ],
        [
          "a VQ tokenizer from groups.safetensors: the sizes of its tensors, or those in its metadata, make none",
          ...["arpg.pt", "groups.safetensors"] as const,
        ],
        ["a VQ tokenizer from arpg.pt: it holds an ARPG", "arpg.pt", "arpg.pt"],
        [
          "a VQ tokenizer from none.safetensors: it has no tensor quantize.embedding.weight, encoder.conv_in.weight, " +
          "encoder.conv_out.weight, encoder.conv_blocks.0.res.0.conv1.weight",
          ...["arpg.pt", "none.safetensors"] as const,
        ],
      ];
      for (const [reason, ...files] of expected) {
        assert.equal(await refusal(folder, ...files), `Cannot load ${reason}; ${inspect}`);
      }
      const codes = vq.get("quantize.embedding.weight")!;
      vq.set("quantize.embedding.weight", { shape: [8, 8], data: codes.data.slice(0, 64) });
      await Deno.writeFile(`${folder}/vq8.pt`, torchFile(vq, "model"));
      assert.equal(
        await refusal(folder, "arpg.pt", "vq8.pt"),
        "Cannot paint with arpg.pt and vq8.pt: the model has 16 tokens, the tokenizer 8; name the tokenizer that the " +
          "model was trained with",
      );
      assert.match(await refusal(folder, "absent.pt"), /^Cannot read absent\.pt: /);
    }),
);
