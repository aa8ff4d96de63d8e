import assert from "node:assert/strict";
import { loadDigits, ofClasses } from "../../src/jobs/digits_data.ts";
import { syntheticDigits } from "../eval/synthetic_digits.ts";
import { assertUserError } from "../io/user_error.ts";
import { fileTest } from "../support/file_test.ts";

Deno.test("ofClasses: the digits of some classes, in their order", () => {
  const digits = syntheticDigits(30, 1);
  const { images, labels, count, size } = ofClasses(digits, [7, 2]);
  assert.deepEqual([...labels], [2, 7, 2, 7, 2, 7]);
  assert.deepEqual([count, size], [6, 8]);
  const of = (n: number) => [...digits.images.subarray(n * 64, n * 64 + 64)];
  assert.deepEqual([...images], [2, 7, 12, 17, 22, 27].flatMap(of));
});

await fileTest("loadDigits: a missing IDX file is an error in one line", async () => {
  const source = { images: "/nowhere/images.gz", labels: "/nowhere/labels.gz" };
  await assertUserError(
    () => loadDigits({ source, train: 1, test: 1 }),
    "Cannot read /nowhere/images.gz: there is no such file",
  );
});
