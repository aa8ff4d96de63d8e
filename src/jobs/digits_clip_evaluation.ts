import type { Digits } from "../data/digits.ts";
import type { Clip } from "../models/clip.ts";
import { ClipPreprocess } from "../models/clip_preprocess.ts";
import type { ClipTokenizer } from "../models/clip_tokenizer.ts";
import { argmax } from "../ops/argmax.ts";
import { embedClasses } from "../rewards/clip_prompts.ts";
import type { Device } from "../tensor/device.ts";

/** Digits that go through the model at a time. */
const batchDigits = 250;

/**
 * Share of the digits whose nearest class prompt is that of their class (zero-shot classification, Radford et al. 2021,
 * section 3.1): the model is asked by words alone.
 *
 * @param names of the classes, in their order.
 * @param templates whose embeddings are averaged for a class.
 */
export async function zeroShotAccuracy(
  device: Device,
  clip: Clip,
  tokenizer: ClipTokenizer,
  { images, labels, size, count }: Digits,
  names: readonly string[],
  templates: readonly string[],
): Promise<number> {
  using owned = new DisposableStack(); // neither of them is in a scope
  const area = size * size, side = clip.config.vision_config.image_size;
  const preprocess = owned.use(new ClipPreprocess(device, size, size, side));
  const classes = owned.adopt(embedClasses(device, clip, tokenizer, names, templates), (made) => made.dispose());
  let right = 0;
  for (let start = 0; start < count; start += batchDigits) {
    using _batch = device.scope();
    const end = Math.min(start + batchDigits, count);
    const pixels = Float32Array.from(images.subarray(start * area, end * area), (level) => level / 255);
    const nearest = await device.noGrad(() => {
      const seen = clip.encodeImage(preprocess.forward(device.tensor(pixels, [end - start, 1, size, size])));
      return argmax(clip.similarities(seen, classes));
    }).data();
    for (let i = start; i < end; i++) right += Number(nearest[i - start] === labels[i]);
  }
  return right / count;
}
