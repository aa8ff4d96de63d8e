/** The words of a few prompts as a tokenizer.json, for a CLIP that is to know no others. */

/** Stands for every word that no prompt has. */
const unknown = "<|unknown|>";
const start = "<|startoftext|>";
/** The highest id, so that also programs which take the highest id of a text for its end find it. */
const end = "<|endoftext|>";

/** A tokenizer.json with its ids. */
export interface PromptVocabulary {
  /** As HuggingFace's libraries read it. */
  readonly tokenizer: object;
  /** V, number of ids; the last one ends texts. */
  readonly size: number;
  /** Ids of the longest prompt, its two ends included. */
  readonly longest: number;
}

/**
 * A tokenizer of whole words in lower case, the words of `prompts` in the order of the alphabet; all others are one
 * unknown word.
 */
export function promptVocabulary(prompts: readonly string[]): PromptVocabulary {
  const split = prompts.map((prompt) => prompt.toLowerCase().match(/\w+|[^\w\s]+/g) ?? []);
  const words = [...new Set(split.flat())].sort();
  const tokens = [unknown, start, ...words, end];
  const ids = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const special = (content: string) => ({
    id: ids[content]!,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  });
  const place = (id: string, type_id: number) => ({ Sequence: { id, type_id } });
  const mark = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
  const tokenizer = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [unknown, start, end].map(special),
    normalizer: { type: "Lowercase" },
    pre_tokenizer: { type: "Whitespace" },
    post_processor: {
      type: "TemplateProcessing",
      single: [mark(start), place("A", 0), mark(end)],
      pair: [mark(start), place("A", 0), mark(end), place("B", 0), mark(end)],
      special_tokens: Object.fromEntries([start, end].map((id) => [id, { id, ids: [ids[id]!], tokens: [id] }])),
    },
    decoder: null,
    model: { type: "WordLevel", vocab: ids, unk_token: unknown },
  };
  return { tokenizer, size: tokens.length, longest: 2 + Math.max(0, ...split.map((words) => words.length)) };
}
