import assert from "node:assert/strict";
import fc from "fast-check";
import { ClipTokenizer } from "../../src/models/clip_tokenizer.ts";
import { assertUserError, tolerateUserError } from "../io/user_error.ts";

const special = (id: number, content: string) => ({
  ...{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
});

/** A tokenizer.json of the form of openai/clip-vit-base-patch32, with a few of its words. */
const published = {
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: [special(20, "<|startoftext|>"), special(21, "<|endoftext|>")],
  normalizer: {
    type: "Sequence",
    normalizers: [
      { type: "NFC" },
      { type: "Replace", pattern: { Regex: "\\s+" }, content: " " },
      { type: "Lowercase" },
    ],
  },
  pre_tokenizer: {
    type: "Sequence",
    pretokenizers: [
      {
        type: "Split",
        pattern: {
          Regex: "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+",
        },
        behavior: "Removed",
        invert: true,
      },
      { type: "ByteLevel", add_prefix_space: false, trim_offsets: true },
    ],
  },
  post_processor: {
    ...{ type: "RobertaProcessing", trim_offsets: false, add_prefix_space: false },
    ...{ sep: ["<|endoftext|>", 21], cls: ["<|startoftext|>", 20] },
  },
  decoder: null,
  model: {
    type: "BPE",
    unk_token: "<|endoftext|>",
    continuing_subword_prefix: "",
    end_of_word_suffix: "</w>",
    vocab: {
      ...{ a: 0, b: 1, c: 2, t: 3, "a</w>": 4, "b</w>": 5, "c</w>": 6, "t</w>": 7, "at</w>": 8, "cat</w>": 9, ab: 10 },
      ...{ "!</w>": 11, "7</w>": 12, "<|startoftext|>": 20, "<|endoftext|>": 21 },
    },
    merges: ["a t</w>", "c at</w>", "a b"],
  },
};
const limits = { max_position_embeddings: 8, vocab_size: 22, eos_token_id: 21 };

/** Whole words, of which `<?>` stands for the unknown. */
const words = {
  ...published,
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: "Whitespace" },
  post_processor: { type: "RobertaProcessing", sep: [">", 3], cls: ["<", 2], trim_offsets: false },
  model: { type: "WordLevel", unk_token: "<?>", vocab: { a: 0, "<?>": 1, "<": 2, ">": 3 } },
};

Deno.test("ClipTokenizer: ids as of OpenAI's models; texts are filled up with ends, long ones keep theirs", () => {
  const tokenizer = new ClipTokenizer(published, "tokenizer.json", limits);
  assert.deepEqual([tokenizer.length, tokenizer.end], [8, 21]);
  const ids = tokenizer.encode(["a  CAT!", "", "cat cat cat cat cat cat", "cat cat cat cat cat cat cat", "77 abb"]);
  assert.deepEqual([0, 1, 2, 3, 4].map((row) => [...ids.subarray(8 * row, 8 * row + 8)]), [
    [20, 4, 9, 11, 21, 21, 21, 21],
    [20, 21, 21, 21, 21, 21, 21, 21],
    [20, 9, 9, 9, 9, 9, 9, 21],
    [20, 9, 9, 9, 9, 9, 9, 21],
    [20, 12, 12, 10, 5, 21, 21, 21],
  ]);
  assert.equal(tokenizer.encode([]).length, 0);
});

Deno.test("ClipTokenizer: without a model a text has 77 ids; an old config's end is any; whole words may be unknown", () => {
  assert.equal(new ClipTokenizer(published, "f").encode(["cat"]).length, 77);
  assert.equal(new ClipTokenizer(published, "f", { ...limits, eos_token_id: 2 }).end, 21);
  const tokenizer = new ClipTokenizer(words, "f", { max_position_embeddings: 5, vocab_size: 4, eos_token_id: 3 });
  assert.deepEqual([...tokenizer.encode(["a dog"])], [2, 0, 1, 3, 3]);
});

Deno.test("ClipTokenizer: what does not fit is told in one line", async () => {
  const refuses = (json: unknown, message: string, changes: Partial<typeof limits> = {}) =>
    assertUserError(() => new ClipTokenizer(json, "t.json", { ...limits, ...changes }).encode(["cat"]), message);
  await refuses(
    { model: {} },
    'Cannot read t.json: it is no tokenizer.json: Tokenizer must contain a "decoder" property',
  );
  await refuses(null, "Cannot read t.json: it is no tokenizer.json: Tokenizer must be a valid object");
  await refuses(
    { ...published, post_processor: null },
    "Cannot use t.json for CLIP: an empty text must be a start and an end token, got 0 tokens; name the tokenizer.json " +
      "beside the model",
  );
  await refuses(
    published,
    "Cannot use t.json: it ends texts with token 21, the model reads them at token 7; name the tokenizer.json beside " +
      "the model",
    { eos_token_id: 7 },
  );
  await refuses(
    published,
    'Cannot tokenize "" by t.json: wanted ids below 9, got 20; name the tokenizer.json beside the model',
    { vocab_size: 9, eos_token_id: 2 },
  );
  await refuses(
    { ...words, model: { ...words.model, unk_token: "none" } },
    'Cannot tokenize "cat" by t.json: wanted ids below 22, got undefined; name the tokenizer.json beside the model',
    { eos_token_id: 3 },
  );
});

/** Every place in a JSON value, as the keys that lead there. */
function placesIn(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => placesIn(inner, [...path, key]))];
}

Deno.test("ClipTokenizer: a damaged tokenizer.json works or is refused, whatever stands in it", () => {
  const places = placesIn(published).slice(1).filter((path) => !path.includes("pattern")); // the library prints those
  const junk = fc.oneof(fc.constantFrom(null, {}, [], "", "(", -1, 1e9, true), fc.string(), fc.integer());
  fc.assert(
    fc.property(fc.constantFrom(...places), junk, (path, value) => {
      const json = structuredClone(published);
      // deno-lint-ignore no-explicit-any -- a JSON value to break anywhere
      const holder = path.slice(0, -1).reduce((inner: any, key) => inner[key], json);
      holder[path.at(-1)!] = value;
      tolerateUserError(() => new ClipTokenizer(json, "t.json", limits).encode(["a cat 7!"]));
    }),
    { seed: 4, numRuns: 400 },
  );
});
