import assert from "node:assert/strict";
import { writeSafetensors } from "../../src/io/safetensors.ts";
import { openSafetensors, openWeights } from "../../src/io/weight_file.ts";
import { readWeights } from "../../src/io/weights.ts";
import { fileTest } from "../support/file_test.ts";
import { withTemporaryFolder } from "./temporary_folder.ts";
import * as torch from "./torch_archive.ts";
import { assertUserError } from "./user_error.ts";

const x = { shape: [2], data: new Float32Array([1, 2]) };
const entry = torch.tensor(torch.storage("FloatStorage", "0", 2), 0, [2], [1]);
const archive = torch.torchArchive(torch.dict({ x: entry, step: torch.integer(3) }), { "0": x.data });

await fileTest(
  "weights: the extension picks the reader, and both give the same view of a file",
  () =>
    withTemporaryFolder(async (folder) => {
      await writeSafetensors(`${folder}/a.safetensors`, new Map([["x", x]]), { step: "3" });
      for (const name of ["a.pt", "a.PTH", "pytorch_model.bin"]) await Deno.writeFile(`${folder}/${name}`, archive);
      for (const name of ["a.safetensors", "a.pt", "a.PTH", "pytorch_model.bin"]) {
        const path = `${folder}/${name}`;
        assert.deepEqual([...await readWeights(path)], [["x", x]], name);
        using file = await openWeights(path);
        assert.deepEqual([file.path, file.metadata], [path, { step: "3" }]);
        assert.deepEqual([...file.entries].map(([key, { dtype, shape }]) => [key, dtype, shape]), [["x", "F32", [2]]]);
        assert.deepEqual(file.read("x"), x);
        assert.throws(() => file.read("y"), {
          name: "RangeError",
          message: `Cannot read tensor "y" of ${path}: it has none`,
        });
        file.close();
        assert.throws(() => file.read("x"), Deno.errors.BadResource);
      }
    }),
);

await fileTest("weights: a malformed file leaves no file open", () =>
  withTemporaryFolder(async (folder) => {
    const path = `${folder}/a.safetensors`;
    await Deno.writeFile(path, archive);
    await assertUserError(
      () => openSafetensors(path), // Deno's tests fail where it leaks
      `Cannot read ${path} as safetensors: its header claims 85966670672 bytes, more than the 100000000 allowed`,
    );
  }));

Deno.test("weights: another extension is refused", () =>
  assertUserError(
    () => readWeights("a.onnx"),
    "Cannot read weights from a.onnx: wanted a .safetensors, .pt, .pth or .bin file, or the .index.json of such files",
  ));
