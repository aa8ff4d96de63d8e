import assert from "node:assert/strict";
import { promptVocabulary } from "../../src/jobs/prompt_vocabulary.ts";
import { ClipTokenizer } from "../../src/models/clip_tokenizer.ts";

Deno.test("promptVocabulary: words in the order of the alphabet between start and end; others are unknown", () => {
  const { tokenizer, size, longest } = promptVocabulary(["A photo, of the one", "the two"]);
  assert.deepEqual([size, longest], [10, 8]);
  const limits = { max_position_embeddings: longest, vocab_size: size, eos_token_id: size - 1 };
  const words = new ClipTokenizer(tokenizer, "vocabulary", limits);
  assert.deepEqual([...words.encode(["the two", "a PHOTO, of the one", "three photo"])], [
    ...[1, 7, 8, 9, 9, 9, 9, 9],
    ...[1, 3, 6, 2, 4, 7, 5, 9],
    ...[1, 0, 6, 9, 9, 9, 9, 9],
  ]);
});
