import assert from "node:assert/strict";
import { zipSync } from "fflate";
import { encodeNpy } from "../../src/io/npy.ts";
import { NpzFile } from "../../src/io/npz_file.ts";
import { fileTest } from "../support/file_test.ts";
import { withTemporaryFolder } from "./temporary_folder.ts";

/** 70,000 rows of 2 x 3 bytes with all kinds of boundaries inside. */
const data = Uint8Array.from({ length: 70_000 * 6 }, (_, i) => (i * 2654435761 >>> 13) & 255);
const array = encodeNpy({ dtype: "uint8", shape: [70_000, 2, 3], data });

await fileTest(
  "NpzFile: rows come in order and whole, stored and deflated, and single arrays beside them",
  () =>
    withTemporaryFolder(async (folder) => {
      for (const level of [0, 6] as const) {
        const path = `${folder}/${level}.npz`;
        const mu = encodeNpy({ dtype: "float32", shape: [2], data: Float32Array.of(1, 2) });
        await Deno.writeFile(path, zipSync({ "arr_0.npy": array, "mu.npy": mu }, { level }));
        using file = await NpzFile.open(path);
        assert.deepEqual([...file.headers.keys()].sort(), ["arr_0", "mu"]);
        assert.deepEqual([...file.read("mu").data], [1, 2]);
        const batches = [...file.rows("arr_0", 4096)];
        assert.deepEqual(batches.map(({ length }) => length / 6), [...Array(17).fill(4096), 70_000 - 17 * 4096]);
        assert.deepEqual(new Uint8Array(await new Blob(batches).arrayBuffer()), data);
        assert.throws(() => file.read("sigma"), {
          name: "UserError",
          message: `Cannot read array "sigma" of ${path}: it has none`,
        });
      }
    }),
);

await fileTest("NpzFile: damaged rows are told", () =>
  withTemporaryFolder(async (folder) => {
    const path = `${folder}/a.npz`, coarse = data.map((value, i) => value % 7 + i % 100);
    const npy = encodeNpy({ dtype: "uint8", shape: [70_000, 2, 3], data: coarse });
    const bytes = zipSync({ "arr_0.npy": npy }, { level: 6 });
    bytes.fill(0xff, 40_000, 50_000);
    await Deno.writeFile(path, bytes);
    using file = await NpzFile.open(path);
    assert.throws(() => [...file.rows("arr_0", 1000)], { name: "UserError", message: /^Cannot unpack .*"arr_0.npy" / });
  }));
