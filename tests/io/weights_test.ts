import assert from "node:assert/strict";
import { writeSafetensors } from "../../src/io/safetensors.ts";
import { readWeights } from "../../src/io/weights.ts";
import { fileTest } from "../support/file_test.ts";
import { withTemporaryFolder } from "./temporary_folder.ts";
import * as torch from "./torch_archive.ts";
import { assertUserError } from "./user_error.ts";

await fileTest("weights: the extension picks the reader", () =>
  withTemporaryFolder(async (folder) => {
    const x = { shape: [2], data: new Float32Array([1, 2]) };
    await writeSafetensors(`${folder}/a.safetensors`, new Map([["x", x]]));
    const entry = torch.tensor(torch.storage("FloatStorage", "0", 2), 0, [2], [1]);
    const archive = torch.torchArchive(torch.dict({ x: entry }), { "0": x.data });
    await Deno.writeFile(`${folder}/a.pt`, archive);
    await Deno.writeFile(`${folder}/a.PTH`, archive);
    for (const name of ["a.safetensors", "a.pt", "a.PTH"]) {
      assert.deepEqual([...await readWeights(`${folder}/${name}`)], [["x", x]], name);
    }
  }));

Deno.test("weights: another extension is refused", () =>
  assertUserError(
    () => readWeights("a.bin"),
    "Cannot read weights from a.bin: wanted a .safetensors, .pt or .pth file",
  ));
