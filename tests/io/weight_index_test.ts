import assert from "node:assert/strict";
import { memorySource } from "../../src/io/byte_source.ts";
import { writeSafetensors } from "../../src/io/safetensors.ts";
import { openWeights } from "../../src/io/weight_file.ts";
import { readWeightIndex } from "../../src/io/weight_index.ts";
import { readWeights } from "../../src/io/weights.ts";
import { fileTest } from "../support/file_test.ts";
import { withTemporaryFolder } from "./temporary_folder.ts";
import * as torch from "./torch_archive.ts";
import { assertUserError } from "./user_error.ts";

const tensor = (...data: number[]) => ({ shape: [data.length], data: Float32Array.from(data) });
const bin = torch.torchArchive(
  torch.dict({ c: torch.tensor(torch.storage("FloatStorage", "0", 1), 0, [1], [1]), step: torch.integer(7) }),
  { "0": Float32Array.of(5) },
);
const [one, two] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] as const;

/** Writes two shards that hold `a` and `unlisted`, and `b`, and an index of the map. */
async function sharded(folder: string, weight_map: unknown, more: object = {}): Promise<string> {
  await writeSafetensors(`${folder}/${one}`, new Map([["a", tensor(1, 2)], ["unlisted", tensor(9)]]), { format: "pt" });
  await writeSafetensors(`${folder}/${two}`, new Map([["b", tensor(3)]]), { format: "pt" });
  const path = `${folder}/model.safetensors.index.json`;
  await Deno.writeTextFile(path, JSON.stringify({ weight_map, ...more }));
  return path;
}

await fileTest(
  "weight index: shards read as one file, of both kinds, in the map's order",
  () =>
    withTemporaryFolder(async (folder) => {
      const metadata = { total_size: 16, mixed: true, note: "x", list: [1] };
      const path = await sharded(folder, { b: two, c: "pytorch_model.bin", a: one }, { metadata });
      await Deno.writeFile(`${folder}/pytorch_model.bin`, bin);
      assert.deepEqual([...await readWeights(path)], [["b", tensor(3)], ["c", tensor(5)], ["a", tensor(1, 2)]]);
      using file = await openWeights(path);
      assert.deepEqual([...file.entries].map(([name, { dtype, shape }]) => [name, dtype, shape]), [
        ["b", "F32", [1]],
        ["c", "F32", [1]],
        ["a", "F32", [2]],
      ]);
      assert.deepEqual([file.path, file.metadata], [
        path,
        { format: "pt", step: "7", total_size: "16", mixed: "true", note: "x" },
      ]);
      assert.throws(() => file.read("unlisted"), {
        name: "RangeError",
        message: `Cannot read tensor "unlisted" of ${path}: it has none`,
      });
      file.close();
      for (const name of ["a", "b", "c"]) assert.throws(() => file.read(name), Deno.errors.BadResource);
    }),
);

await fileTest(
  "weight index: what does not fit together is refused when it is opened, and no file stays open",
  () =>
    withTemporaryFolder(async (folder) => {
      const refuses = async (map: unknown, message: (path: string) => string) => {
        const path = await sharded(folder, map);
        await assertUserError(() => openWeights(path), message(path));
      };
      const of = (reason: string) => (path: string) => `Cannot read ${path} as an index of weights: ${reason}`;
      await refuses(
        { a: one, b: "model-3.bin" },
        of('its shard "model-3.bin" is not there; fetch it into the same folder'),
      );
      await refuses({ a: one, d: two }, of(`tensor "d" is not in "${two}", where the map puts it`));
      await refuses({ b: one, x: two }, of(`tensor "b" lies in "${one}" by the map, but "${two}" holds one too`));
      await Deno.writeFile(`${folder}/damaged.safetensors`, new Uint8Array(3));
      await refuses({ a: one, b: "damaged.safetensors" }, () =>
        `Cannot read ${folder}/damaged.safetensors as safetensors: it has 3 bytes, fewer than the 8 that hold the ` +
        "header's length");
      await Deno.mkdir(`${folder}/folder.bin`);
      await refuses({ a: "folder.bin" }, () =>
        `Cannot read ${folder}/folder.bin: it is a folder, not a file`);
      await assertUserError(
        () =>
          openWeights(`${folder}/no.index.json`),
        `Cannot read ${folder}/no.index.json: there is no such file`,
      );
    }),
);

await fileTest("weight index: nothing outside the folder is opened", () =>
  withTemporaryFolder(async (folder) => {
    await Deno.mkdir(`${folder}/inner`);
    await writeSafetensors(`${folder}/${one}`, new Map([["a", tensor(1)]]));
    const path = `${folder}/inner/a.index.json`;
    for (const shard of [`../${one}`, `${folder}/${one}`, `..\\${one}`, `c:${one}`, `./${one}`, "..", "", "a.json"]) {
      await Deno.writeTextFile(path, JSON.stringify({ weight_map: { a: shard } }));
      await assertUserError(
        () => openWeights(path),
        `Cannot read ${path} as an index of weights: tensor "a" lies in ${
          JSON.stringify(shard)
        }; wanted the name of a ` +
          ".safetensors, .pt, .pth or .bin file in the index's own folder, without a path",
      );
    }
  }));

await fileTest(
  "weight index: links to files elsewhere are followed, as in the cache of a model hub",
  () =>
    withTemporaryFolder(async (folder) => {
      for (const name of ["blobs", "snapshot"]) await Deno.mkdir(`${folder}/${name}`);
      const path = await sharded(`${folder}/blobs`, { a: one, b: two });
      for (const name of [one, two, "model.safetensors.index.json"]) {
        await Deno.rename(`${folder}/blobs/${name}`, `${folder}/blobs/${name.length}${name.slice(0, 11)}`);
        await Deno.symlink(`../blobs/${name.length}${name.slice(0, 11)}`, `${folder}/snapshot/${name}`);
      }
      assert.deepEqual([...await readWeights(path.replace("blobs", "snapshot"))], [["a", tensor(1, 2)], [
        "b",
        tensor(3),
      ]]);
    }),
);

Deno.test("weight index: an index of other content is refused by what is wrong with it", async () => {
  const many = Object.fromEntries(Array.from({ length: 501 }, (_, i) => [`t${i}`, `${i}.bin`]));
  const cases: readonly [string | Uint8Array<ArrayBuffer>, string][] = [
    [Uint8Array.of(0xff), "it is not UTF-8 text"],
    ["{", "it is not JSON"],
    ["[]", "it has no weight_map of tensors to files"],
    ["{}", "it has no weight_map of tensors to files"],
    ['{"weight_map": ["a.bin"]}', "it has no weight_map of tensors to files"],
    ['{"weight_map": {"a": 1}}', 'tensor "a": wanted the name of a file, got 1'],
    ['{"weight_map": {"a\\n": ["a.bin"]}}', 'tensor "a\\n": wanted the name of a file, got a list'],
    ['{"weight_map": {"a": "a.bin", "\\u0061": "b.bin"}}', 'it holds the key "a" twice'],
    ['{"weight_map": {}, "weight_map": {}}', 'it holds the key "weight_map" twice'],
    ['{"metadata": 3, "weight_map": {}}', "its metadata is not an object"],
    [JSON.stringify({ weight_map: many }), "it names 501 files, more than the 500 allowed"],
  ];
  for (const [content, reason] of cases) {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await assertUserError(
      () => readWeightIndex(memorySource(bytes, "f")),
      `Cannot read f as an index of weights: ${reason}`,
    );
  }
  const large = { name: "f", size: 2 ** 25 + 1, read: () => assert.fail("it was read") };
  await assertUserError(
    () => readWeightIndex(large),
    "Cannot read f as an index of weights: it has 33554433 bytes, more than the 33554432 allowed",
  );
});
