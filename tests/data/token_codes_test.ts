import assert from "node:assert/strict";
import { readTokenCodes, type TokenCodes, writeTokenCodes } from "../../src/data/token_codes.ts";
import { type NpyArray, writeNpy } from "../../src/io/npy.ts";
import { readNpz, writeNpz } from "../../src/io/npz.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { assertUserError } from "../io/user_error.ts";
import { fileTest } from "../support/file_test.ts";

const limits = { vocab: 100, classes: 10 };
const int64 = (shape: number[], values: number[]): NpyArray => ({
  dtype: "int64",
  shape,
  data: Int32Array.from(values),
});

/** Folders as LlamaGen's script leaves them: image i has two crops of three codes, 10 i + 0..5, and the class i mod 10. */
async function extract(folder: string, names: number[]): Promise<void> {
  for (const kind of ["codes", "labels"]) await Deno.mkdir(`${folder}/imagenet256_${kind}`);
  for (const i of names) {
    await writeNpy(`${folder}/imagenet256_codes/${i}.npy`, int64([1, 2, 3], [0, 1, 2, 3, 4, 5].map((c) => 10 * i + c)));
    await writeNpy(`${folder}/imagenet256_labels/${i}.npy`, int64([1, 1], [i % 10]));
  }
  await Deno.writeTextFile(`${folder}/imagenet256_codes/README`, "passed over");
}

const flat = ({ codes, labels, shape }: TokenCodes) => ({ codes: [...codes], labels: [...labels], shape });

await fileTest(
  "token codes: a pair of folders, in the order of the numbers",
  () =>
    withTemporaryFolder(async (folder) => {
      await extract(folder, [9, 1, 2]);
      await Deno.rename(`${folder}/imagenet256_codes/9.npy`, `${folder}/imagenet256_codes/10.npy`);
      await Deno.rename(`${folder}/imagenet256_labels/9.npy`, `${folder}/imagenet256_labels/10.npy`);
      const expected = {
        codes: [...[10, 11, 12, 13, 14, 15], ...[20, 21, 22, 23, 24, 25], ...[90, 91, 92, 93, 94, 95]],
        labels: [1, 2, 9],
        shape: [3, 2, 3],
      };
      for (const path of [folder, `${folder}/imagenet256_codes`, `${folder}/imagenet256_codes/`]) {
        assert.deepEqual(flat(await readTokenCodes(path, limits)), expected);
      }
      await writeTokenCodes(`${folder}/codes.npz`, await readTokenCodes(folder, limits));
      assert.deepEqual(flat(await readTokenCodes(`${folder}/codes.npz`, limits)), expected);
      const arrays = await readNpz(`${folder}/codes.npz`);
      assert.deepEqual([...arrays].map(([name, { shape, data }]) => [name, shape, data.constructor.name]), [
        ["codes", [3, 2, 3], "BigInt64Array"],
        ["labels", [3], "BigInt64Array"],
      ]);
    }),
);

await fileTest(
  "token codes: an npz with one crop an image, of any integer type",
  () =>
    withTemporaryFolder(async (folder) => {
      const path = `${folder}/codes.npz`;
      await writeNpz(path, {
        codes: { dtype: "uint8", shape: [2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 99) },
        labels: { dtype: "uint8", shape: [2], data: Uint8Array.of(9, 0) },
      });
      const expected = { codes: [1, 2, 3, 4, 5, 99], labels: [9, 0], shape: [2, 1, 3] };
      assert.deepEqual(flat(await readTokenCodes(path, limits)), expected);
    }),
);

await fileTest(
  "token codes: folders that do not fit are refused in one line",
  () =>
    withTemporaryFolder(async (folder) => {
      const codes = `${folder}/imagenet256_codes`, labels = `${folder}/imagenet256_labels`;
      const refuses = (message: string) => assertUserError(() => readTokenCodes(folder, limits), message);
      const wanted = `Cannot read token codes from ${folder}: wanted an .npz or a folder with NAME_codes`;
      await refuses(`${wanted}, it has none`);
      await extract(folder, []);
      await refuses(`Cannot read token codes from ${codes}: it has no files 0.npy, 1.npy, ...`);
      await writeNpy(`${codes}/0.npy`, int64([2, 3], [1, 2, 3, 4, 5, 6]));
      await writeNpy(`${labels}/0.npy`, int64([1], [1]));
      await refuses(`Cannot read ${codes}/0.npy: its shape is [2, 3], wanted [1, A, T]: A crops of T tokens`);
      await writeNpy(`${codes}/0.npy`, int64([1, 1, 2], [1, 2]));
      await writeNpy(`${codes}/3.npy`, int64([1, 1, 3], [1, 2, 3]));
      await refuses(`Cannot pair ${codes} with ${labels}: 3.npy is in one of them only`);
      await writeNpy(`${labels}/7.npy`, int64([1], [1]));
      await refuses(`Cannot pair ${codes} with ${labels}: 3.npy and 1 more are in one of them only`);
      await Deno.rename(`${labels}/7.npy`, `${labels}/3.npy`);
      await refuses(`Cannot read ${codes}/3.npy: its shape is [1, 1, 3], that of others [1, 1, 2]`);
      await writeNpy(`${codes}/3.npy`, int64([1, 1, 2], [1, 100]));
      await refuses(`Cannot read ${codes}/3.npy: number 1 is 100, but there are 100 codes`);
      await writeNpy(`${codes}/3.npy`, int64([1, 1, 2], [-1, 99]));
      await refuses(`Cannot read ${codes}/3.npy: number 0 is -1, but there are 100 codes`);
      await writeNpy(`${codes}/3.npy`, { dtype: "float32", shape: [1, 1, 2], data: new Float32Array(2) });
      await refuses(`Cannot read ${codes}/3.npy: its numbers are of the type Float32Array, wanted int64`);
      await writeNpy(`${codes}/3.npy`, int64([1, 1, 2], [1, 99]));
      await writeNpy(`${labels}/3.npy`, int64([2], [1, 2]));
      await refuses(`Cannot read ${labels}/3.npy: it holds 2 numbers, wanted one label`);
      await writeNpy(`${labels}/3.npy`, int64([1], [10]));
      await refuses(`Cannot read ${labels}/3.npy: number 0 is 10, but there are 10 classes`);
      await Deno.writeFile(`${codes}/3.npy`, new Uint8Array(3));
      await refuses(`Cannot read ${codes}/3.npy: it is no .npy array`);
      await Deno.mkdir(`${folder}/other_codes`);
      await refuses(`${wanted}, it has several (imagenet256_codes, other_codes); name one`);
      await assertUserError(
        () => readTokenCodes(`${folder}/other_codes`, limits),
        `Cannot read token codes from ${folder}/other_codes: it has no files 0.npy, 1.npy, ...`,
      );
      await assertUserError(() => readTokenCodes("/no", limits), "Cannot read /no: there is no such file");
    }),
);

await fileTest(
  "token codes: an npz that does not fit is refused in one line",
  () =>
    withTemporaryFolder(async (folder) => {
      const path = `${folder}/codes.npz`;
      const cases: [Record<string, NpyArray>, string][] = [
        [{ codes: int64([1, 2], [1, 2]) }, `Cannot read ${path}: it has no array labels; its arrays: codes`],
        [{}, `Cannot read ${path}: it has no array codes; its arrays: none`],
        [
          { codes: int64([2], [1, 2]), labels: int64([2], [1, 2]) },
          `Cannot read ${path}: codes are [2] and labels [2], wanted [N, T] or [N, A, T] and [N]`,
        ],
        [
          { codes: int64([1, 2], [1, 2]), labels: int64([2], [1, 2]) },
          `Cannot read ${path}: codes are [1, 2] and labels [2], wanted [N, T] or [N, A, T] and [N]`,
        ],
        [
          { codes: int64([1, 2], [1, 200]), labels: int64([1], [1]) },
          `Cannot read codes of ${path}: number 1 is 200, but there are 100 codes`,
        ],
        [
          { codes: int64([1, 2], [1, 2]), labels: int64([1], [-3]) },
          `Cannot read labels of ${path}: number 0 is -3, but there are 10 classes`,
        ],
      ];
      for (const [arrays, message] of cases) {
        await writeNpz(path, arrays);
        await assertUserError(() => readTokenCodes(path, limits), message);
      }
    }),
);
