import { type Clip, unitRows } from "../models/clip.ts";
import type { ClipTokenizer } from "../models/clip_tokenizer.ts";
import { concat } from "../ops/concat.ts";
import { mean } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import type { Device } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What stands for the class's name in a template. */
export const namePlace = "{name}";
/** Texts that go through the model at a time. */
const batchTexts = 64;

/**
 * The classes as CLIP reads them, `[K, P]` with rows of length 1, outside every scope: the name of each put into each
 * template, and the embeddings of a class averaged at length 1 and brought to length 1 again (Radford et al. 2021,
 * section 3.1.4). Computed on the device, without a wait.
 *
 * @param templates such as `a photo of a {name}`.
 */
export function embedClasses(
  device: Device,
  clip: Clip,
  tokenizer: ClipTokenizer,
  names: readonly string[],
  templates: readonly string[],
): Tensor {
  const classesAtOnce = Math.max(1, Math.floor(batchTexts / templates.length));
  return device.persistent(() => {
    using scope = device.scope();
    const parts: Tensor[] = [];
    for (let start = 0; start < names.length; start += classesAtOnce) {
      using batch = device.scope();
      const some = names.slice(start, start + classesAtOnce);
      const texts = some.flatMap((name) => templates.map((template) => template.replaceAll(namePlace, () => name)));
      const ids = tokenizedShort(tokenizer, texts);
      const rows = device.noGrad(() => {
        const each = unitRows(clip.encodeText(device.tensor(ids, [texts.length, ids.length / texts.length])));
        return unitRows(mean(reshape(each, [some.length, templates.length, each.shape[1]!]), 1));
      });
      parts.push(batch.keep(rows));
    }
    return scope.keep(device.noGrad(() => concat(parts, 0)));
  });
}

/**
 * Ids `[N, longest]` without the end tokens that fill up all of them: a text is read up to its first one, so that the
 * rest is labour lost. Prompts have a tenth of a model's 77 tokens.
 */
function tokenizedShort(tokenizer: ClipTokenizer, texts: readonly string[]): Int32Array<ArrayBuffer> {
  const { length, end } = tokenizer;
  const ids = tokenizer.encode(texts);
  const rows = texts.map((_, row) => ids.subarray(row * length, (row + 1) * length));
  const longest = 1 + Math.max(...rows.map((row) => row.indexOf(end)));
  return Int32Array.from(rows.flatMap((row) => [...row.subarray(0, longest)]));
}
