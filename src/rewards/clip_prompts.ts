import { type ClipEncoders, unitRows } from "../models/clip.ts";
import type { ClipTokenizer } from "../models/clip_tokenizer.ts";
import { concat } from "../ops/concat.ts";
import { mean } from "../ops/reduce.ts";
import { reshape } from "../ops/reshape.ts";
import type { Device } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { clipBatch } from "./clip_batch.ts";
import { fillTemplates } from "./prompt_template.ts";

/**
 * The classes as CLIP reads them, `[K, P]` with rows of length 1, outside every scope: the name of each put into each
 * template, and the embeddings of a class averaged at length 1 and brought to length 1 again (Radford et al. 2021,
 * section 3.1.4). Computed on the device, without a wait.
 *
 * @param names K of them.
 * @param templates T of them, such as `a photo of a {name}`.
 */
export function embedClasses(
  device: Device,
  clip: ClipEncoders,
  tokenizer: ClipTokenizer,
  names: readonly string[],
  templates: readonly string[],
): Tensor {
  const { ids, length } = tokenizedShort(tokenizer, fillTemplates(names, templates));
  const perClass = templates.length;
  const classes = Math.max(1, Math.floor(clipBatch(clip.config.text_config, length) / perClass));
  const classRows = (some: Int32Array<ArrayBuffer>) => {
    const each = unitRows(clip.encodeText(device.tensor(some, [some.length / length, length])));
    return unitRows(mean(reshape(each, [each.shape[0]! / perClass, perClass, each.shape[1]!]), 1));
  };
  return device.persistent(() =>
    device.noGrad(() => {
      using scope = device.scope();
      const parts: Tensor[] = [];
      for (let start = 0; start < ids.length; start += classes * perClass * length) {
        using batch = device.scope();
        parts.push(batch.keep(classRows(ids.slice(start, start + classes * perClass * length))));
      }
      return scope.keep(concat(parts, 0));
    })
  );
}

/**
 * Ids `[N, length]` without the end tokens that fill up every text: a text is read up to its first one, so that the rest
 * is labour lost. Prompts have a tenth of a model's 77 tokens.
 */
function tokenizedShort(
  tokenizer: ClipTokenizer,
  texts: readonly string[],
): { readonly ids: Int32Array<ArrayBuffer>; readonly length: number } {
  const { length: full, end } = tokenizer;
  const all = tokenizer.encode(texts);
  const row = (n: number) => all.subarray(n * full, (n + 1) * full);
  const length = 1 + texts.reduce((longest, _, n) => Math.max(longest, row(n).indexOf(end)), 0);
  const ids = new Int32Array(texts.length * length);
  texts.forEach((_, n) => ids.set(row(n).subarray(0, length), n * length));
  return { ids, length };
}
