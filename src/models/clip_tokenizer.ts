import { Tokenizer } from "@huggingface/tokenizers";
import { UserError } from "../error.ts";
import { anyHighest, type ClipTextConfig } from "./clip_config.ts";

/** What a model says of its texts; without it a text has 77 tokens of any ids, as in all published models. */
export type ClipTextLimits = Pick<ClipTextConfig, "max_position_embeddings" | "vocab_size" | "eos_token_id">;

/**
 * Texts to ids as a `Clip` reads them: what a tokenizer.json makes of a text, its start and end tokens included. A text
 * that is longer than the model can read loses what is too much, but not its end; a shorter one is filled up with
 * further end tokens, of which the model reads the first.
 */
export class ClipTokenizer {
  /** L, ids of a text. */
  readonly length: number;
  /** The id that ends a text. */
  readonly end: number;
  readonly #tokenizer: Tokenizer;
  readonly #vocab: number;

  /**
   * Makes the tokenizer that a tokenizer.json describes.
   *
   * @param json its content, parsed.
   * @param file names it in errors.
   * @throws {UserError} for what is no such description, ends texts with no token, or does not fit the limits.
   */
  constructor(json: unknown, private readonly file: string, limits?: ClipTextLimits) {
    this.length = limits?.max_position_embeddings ?? 77;
    this.#vocab = limits?.vocab_size ?? Infinity;
    try {
      // The library reads the unknown word of a model of whole words from its second argument only.
      const unk_token = (json as { model?: { unk_token?: unknown } } | null)?.model?.unk_token;
      this.#tokenizer = new Tokenizer(json as object, { unk_token });
    } catch (cause) {
      throw new UserError(`Cannot read ${file}: it is no tokenizer.json: ${firstLine(cause)}`, { cause });
    }
    const ends = this.#ids("");
    if (ends.length !== 2) {
      throw new UserError(
        `Cannot use ${file} for CLIP: an empty text must be a start and an end token, got ${ends.length} tokens; name ` +
          "the tokenizer.json beside the model",
      );
    }
    this.end = ends[1]!;
    const wanted = limits?.eos_token_id ?? anyHighest;
    if (wanted === anyHighest || wanted === this.end) return;
    throw new UserError(
      `Cannot use ${file}: it ends texts with token ${this.end}, the model reads them at token ${wanted}; name the ` +
        "tokenizer.json beside the model",
    );
  }

  /**
   * Ids of texts, `[N, L]` row by row.
   *
   * @throws {UserError} for a text that the tokenizer cannot split, or an id that the model does not have.
   */
  encode(texts: readonly string[]): Int32Array {
    const { length, end } = this;
    const all = new Int32Array(texts.length * length).fill(end);
    texts.forEach((text, row) => {
      const ids = this.#ids(text);
      all.set(ids.length > length ? [...ids.slice(0, length - 1), end] : ids, row * length);
    });
    return all;
  }

  #ids(text: string): number[] {
    const refuse = (reason: string, cause?: unknown) => {
      const shown = JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);
      return new UserError(`Cannot tokenize ${shown} by ${this.file}: ${reason}`, { cause });
    };
    let ids: number[];
    try {
      ({ ids } = this.#tokenizer.encode(text));
    } catch (cause) {
      throw refuse(firstLine(cause), cause);
    }
    const strange = ids.findIndex((id) => !(Number.isInteger(id) && id >= 0 && id < this.#vocab));
    if (strange < 0) return ids;
    const most = this.#vocab === Infinity ? "" : ` below ${this.#vocab}`;
    throw refuse(`wanted ids${most}, got ${ids[strange]}; name the tokenizer.json beside the model`);
  }
}

function firstLine(cause: unknown): string {
  return String((cause as Error).message).split("\n", 1)[0]!;
}
