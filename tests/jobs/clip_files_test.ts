import assert from "node:assert/strict";
import { writeSafetensors } from "../../src/io/safetensors.ts";
import { clipTokenizer, loadClip, loadFrozenClip, saveClip } from "../../src/jobs/clip_files.ts";
import { promptVocabulary } from "../../src/jobs/prompt_vocabulary.ts";
import { toHost } from "../../src/jobs/run_state.ts";
import { Clip } from "../../src/models/clip.ts";
import { Initializer } from "../../src/nn/init.ts";
import type { Device } from "../../src/tensor/device.ts";
import type { HostTensor } from "../../src/tensor/host_tensor.ts";
import { stridesOf } from "../../src/tensor/shape.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import * as torch from "../io/torch_archive.ts";
import { assertUserError } from "../io/user_error.ts";
import { clipWith, tinyClip } from "../models/tiny_clip.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { fileTest } from "../support/file_test.ts";

/** A small CLIP's weights on the host. */
async function weightsOf(device: Device, model: Clip): Promise<Map<string, HostTensor>> {
  return await toHost(device, model.parameters());
}

const data = (weights: ReadonlyMap<string, HostTensor>) => [...weights.values()].flatMap((each) => [...each.data]);

/** The weights as pytorch_model.bin. */
function checkpoint(weights: ReadonlyMap<string, HostTensor>): Uint8Array {
  const entries = [...weights].map(([name, { shape, data }], key) => {
    const storage = torch.storage("FloatStorage", String(key), data.length);
    return [name, torch.tensor(storage, 0, [...shape], stridesOf(shape))] as const;
  });
  const storages = Object.fromEntries([...weights.values()].map(({ data }, key) => [key, Float32Array.from(data)]));
  return torch.torchArchive(torch.dict(Object.fromEntries(entries)), storages);
}

await fileTest(
  "loadClip: what saveClip writes, HuggingFace's names and settings beside it",
  () =>
    withTemporaryFolder(async (folder) => {
      const device = await testDevice();
      using _scope = device.scope();
      const model = new Clip(new Initializer(device, 2), tinyClip);
      const { tokenizer } = promptVocabulary(["a b c", "d e", "f g h"]); // 11 ids with the special ones
      await saveClip(device, `${folder}/new/clip`, model, tokenizer);
      await saveClip(device, `${folder}/new/clip`, model, tokenizer); // a folder that is there is written over
      const loaded = await loadClip(device, `${folder}/new/clip`);
      assert.deepEqual(loaded.config, tinyClip);
      assertAllClose(data(await weightsOf(device, loaded)), data(await weightsOf(device, model)), 1e-3, "float16");
      // The file is float16, so that nothing is rounded again.
      const frozen = await loadFrozenClip(device, `${folder}/new/clip`), pixels = device.full([2, 3, 8, 8], 0.5);
      assertAllClose(await frozen.encodeImage(pixels).data(), await loaded.encodeImage(pixels).data(), 1e-5, "frozen");
      const words = await clipTokenizer(`${folder}/new/clip/tokenizer.json`, loaded.config.text_config);
      assert.deepEqual([...words.encode(["B a"])], [1, 3, 2, 10, 10, 10]);
      const read = async (name: string) => JSON.parse(await Deno.readTextFile(`${folder}/new/clip/${name}`));
      const { model_type, architectures, text_config } = await read("config.json");
      assert.deepEqual([model_type, architectures, text_config.vocab_size], ["clip", ["CLIPModel"], 11]);
      assert.deepEqual((await read("preprocessor_config.json")).crop_size, { height: 8, width: 8 });
    }),
);

await fileTest(
  "loadClip: a folder with pytorch_model.bin, or two files; position_ids are passed over",
  () =>
    withTemporaryFolder(async (folder) => {
      const device = await testDevice();
      using _scope = device.scope();
      const weights = await weightsOf(device, new Clip(new Initializer(device, 2), tinyClip));
      const wanted = data(weights);
      const buffer = { shape: [1, 6], data: Float32Array.from({ length: 6 }, (_, i) => i) };
      weights.set("text_model.embeddings.position_ids", buffer);
      await Deno.writeFile(`${folder}/pytorch_model.bin`, checkpoint(weights));
      await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(tinyClip));
      assert.deepEqual(data(await weightsOf(device, await loadClip(device, folder))), wanted);
      const files = { config: `${folder}/config.json`, weights: `${folder}/pytorch_model.bin` };
      assert.deepEqual(data(await weightsOf(device, await loadClip(device, files))), wanted);
    }),
);

await fileTest(
  "loadClip: a folder whose weights are shards beside an index, of either kind",
  () =>
    withTemporaryFolder(async (folder) => {
      const device = await testDevice();
      using _scope = device.scope();
      const weights = await weightsOf(device, new Clip(new Initializer(device, 2), tinyClip));
      const wanted = data(weights), names = [...weights.keys()];
      const halves = [names.filter((_, i) => i % 2), names.filter((_, i) => i % 2 === 0)];
      const index = async (name: string, shards: readonly string[]) => {
        const weight_map = Object.fromEntries(halves.flatMap((some, i) => some.map((name) => [name, shards[i]])));
        await Deno.writeTextFile(`${folder}/${name}`, JSON.stringify({ metadata: { total_size: 1 }, weight_map }));
      };
      const parts = halves.map((some) => new Map(some.map((name) => [name, weights.get(name)!])));
      await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(tinyClip));
      await index("pytorch_model.bin.index.json", ["0.bin", "1.bin"]);
      for (const [i, part] of parts.entries()) await Deno.writeFile(`${folder}/${i}.bin`, checkpoint(part));
      assert.deepEqual(data(await weightsOf(device, await loadClip(device, folder))), wanted);
      for (const i of [0, 1]) await Deno.remove(`${folder}/${i}.bin`);
      await index("model.safetensors.index.json", ["0.safetensors", "1.safetensors"]);
      for (const [i, part] of parts.entries()) await writeSafetensors(`${folder}/${i}.safetensors`, part);
      assert.deepEqual(data(await weightsOf(device, await loadClip(device, folder))), wanted, "safetensors come first");
      await Deno.remove(`${folder}/1.safetensors`);
      await assertUserError(
        () => loadClip(device, folder),
        `Cannot read ${folder}/model.safetensors.index.json as an index of weights: its shard "1.safetensors" is not ` +
          "there; fetch it into the same folder",
      );
    }),
);

await fileTest(
  "loadClip: files that are missing or of another model are told in one line",
  () =>
    withTemporaryFolder(async (folder) => {
      const device = await testDevice();
      using _scope = device.scope();
      const refuses = async (message: string) => {
        for (const load of [loadClip, loadFrozenClip]) await assertUserError(() => load(device, folder), message);
      };
      const config = (value: unknown) => Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(value));
      await assertUserError(
        () => loadClip(device, `${folder}/none`),
        `Cannot load a CLIP from ${folder}/none: there is no such folder`,
      );
      const wanted =
        `Cannot load a CLIP from ${folder}: wanted config.json and model.safetensors or pytorch_model.bin, ` +
        "or the .index.json of either's shards, as CLIPModel saves them";
      await refuses(wanted);
      await config(tinyClip);
      await refuses(wanted);

      const weights = await weightsOf(device, new Clip(new Initializer(device, 2), tinyClip));
      const write = () => writeSafetensors(`${folder}/model.safetensors`, weights);
      weights.delete("logit_scale");
      weights.set("visual_projection.weight", { shape: [1], data: new Float32Array(1) });
      weights.set("classifier.weight", { shape: [2], data: new Float32Array(2) });
      await write();
      await refuses(
        `${folder}/model.safetensors: Cannot load weights: 1 of ${
          weights.size - 1 + 1
        } parameters missing: logit_scale []; ` +
          "1 of another shape or type: visual_projection.weight is F32 [1], wanted f32 [5, 12]; 1 unexpected: " +
          "classifier.weight [2]; pass the weights of this model",
      );
      const reason = (why: string) =>
        `Cannot load a CLIP by ${folder}/config.json: ${why}; name the config.json of a CLIPModel`;
      await config([]);
      await refuses(reason("Invalid input: expected object, received array"));
      await config({ ...tinyClip, text_config: { hidden_act: "relu" } });
      await refuses(reason('text_config: hidden_act: Invalid option: expected one of "quick_gelu"|"gelu"'));
      await config(clipWith({ vision: { num_attention_heads: 5 } }));
      await refuses(reason(
        "vision_config: hidden_size: must be a multiple of num_attention_heads, got 12 and 5",
      ));
      await config(clipWith({ vision: { hidden_size: 3 * 2 ** 22, num_hidden_layers: 1000 } }));
      await assert.rejects(loadClip(device, folder), {
        name: "UserError",
        message: /model\.safetensors: .* and \d+ more/,
      });

      await Deno.writeTextFile(`${folder}/config.json`, "{");
      await assert.rejects(loadClip(device, folder), {
        name: "UserError",
        message: /^Cannot read .*\/config\.json: it is no JSON: [^\n]*$/,
      });
      await assertUserError(
        () => clipTokenizer(`${folder}/tokenizer.json`),
        `Cannot read ${folder}/tokenizer.json: there is no such file`,
      );
    }),
);
