import assert from "node:assert/strict";
import { DigitPairs } from "../../src/jobs/digits_clip_batches.ts";
import { ClipPreprocess } from "../../src/models/clip_preprocess.ts";
import { syntheticDigits } from "../eval/synthetic_digits.ts";
import { testDevice } from "../support/device.ts";

const digits = syntheticDigits(50, 1);
/** Three templates of two ids each: `[class, template]`. */
const prompts = Int32Array.from({ length: 60 }, (_, i) => i % 2 ? Math.floor(i / 2) % 3 : Math.floor(i / 6));
const options = { groups: 4, shift: 0, seed: 3 };

/** What batch n holds. */
function batch(
  n: number,
  changes: Partial<typeof options> = {},
  pairs = new DigitPairs(digits, prompts, 3, { ...options, ...changes }),
) {
  pairs.fill(n);
  return { pixels: pairs.pixels.slice(), ids: pairs.ids.slice() };
}

Deno.test("DigitPairs: a group holds every class once, its prompts name the digits, and all templates come", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const preprocess = new ClipPreprocess(device, 8, 8, 8);
  const grey = Float32Array.from(digits.images, (level) => level / 255);
  const wanted = await preprocess.forward(device.tensor(grey, [50, 1, 8, 8])).data();
  const { pixels, ids } = batch(5);
  assert.deepEqual([pixels.length, ids.length], [40 * 192, 80]);
  const templates = new Set<number>();
  for (let pair = 0; pair < 40; pair++) {
    assert.equal(ids[2 * pair], pair % 10, "class");
    templates.add(ids[2 * pair + 1]!);
    const own = pixels.subarray(pair * 192, (pair + 1) * 192);
    const found = Array.from(digits.labels.keys()).filter((i) =>
      digits.labels[i] === pair % 10 && own.every((x, j) => Math.abs(x - wanted[i * 192 + j]!) < 1e-5)
    );
    assert.equal(found.length, 1, "the picture is a digit of the class as CLIP's preprocessing leaves it");
  }
  assert.equal(templates.size, 3);
});

Deno.test("DigitPairs: all digits come in a pass, batches are functions of seed and number, shifts move digits", () => {
  const pairs = new DigitPairs(digits, prompts, 3, { ...options, groups: 1 });
  const seen = Array.from({ length: 5 }, (_, n) => batch(n, {}, pairs).pixels); // five digits a class
  assert.equal(new Set(seen.map((pixels) => pixels.subarray(0, 192).join())).size, 5);
  assert.deepEqual(batch(2, {}, pairs).pixels, seen[2], "again, after others");
  assert.deepEqual(batch(7), batch(7));
  for (const other of [batch(8), batch(7, { seed: 4 }), batch(7, { shift: 1 })]) assert.notDeepEqual(other, batch(7));
});

Deno.test("DigitPairs: a class without digits is told", () => {
  const few = { ...digits, labels: digits.labels.map((label) => label === 7 ? 1 : label) };
  assert.throws(() => new DigitPairs(few, prompts, 3, options), {
    name: "UserError",
    message: "Cannot make pairs: no training digit is a 7; raise data.train",
  });
});
