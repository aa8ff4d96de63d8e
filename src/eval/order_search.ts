import type { Device } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ArpgPainter } from "./arpg_painter.ts";
import { arpgMethod, type TokenSampling } from "./decoding_method.ts";
import type { LabelledImages } from "./diversity.ts";
import { paintPictures } from "./method_pictures.ts";
import type { BriefScore, MethodYardstick } from "./method_yardstick.ts";

/** What a search goes by, such as a `Reward`. */
export interface PictureReward {
  /** A number for each image `[N, 1, S, S]` in [0, 1] of a class, i32 `[N]`: the higher the better, `[N]`. */
  score(painted: { readonly images: Tensor; readonly classes: Tensor }): Tensor;
}

/**
 * Makes what a search goes by, told all of its pictures: by ARPG's own rule, before any choice. A reward may depend on
 * what is painted on the whole, such as `MomentsReward`.
 */
export type RewardOfPaintings = (pictures: LabelledImages) => Promise<PictureReward>;

/** What the best of several orders for each picture is worth. */
export interface OrderSearchResult extends BriefScore {
  /** Of ARPG's own counts. */
  readonly steps: number;
  /** Orders tried for each picture. */
  readonly candidates: number;
  /** Pictures. */
  readonly samples: number;
  /** Mean reward of the pictures. */
  readonly reward: number;
}

/** What {@link searchOrders} tries. */
export interface OrderSearchOptions {
  /** Of ARPG's own counts. */
  readonly steps: number;
  /** Of the tokens. */
  readonly sampling: TokenSampling;
  /** K, orders tried for each picture. */
  readonly candidates: number;
  /** Pictures, the same number of each class. */
  readonly samples: number;
  /** Of the tokens' noise, which all orders share, and of the orders. */
  readonly seed: number;
  /** Told after every batch how many more pictures are painted. */
  readonly onPictures?: (more: number) => void;
}

/**
 * An oracle: paints every picture by ARPG's own counts in K random orders from the same noise and takes the one with the
 * highest reward, a choice that no policy can make beforehand. How far the reward's favourites please a judge that it has
 * not seen says what an order for each picture can gain at most where the reward is right, and where it is not.
 *
 * @returns the first order alone, which is ARPG's own rule, then the best of all: to be compared with each other only.
 */
export async function searchOrders(
  painter: ArpgPainter,
  rewardOf: RewardOfPaintings,
  yardstick: MethodYardstick,
  { steps, sampling, candidates, samples, seed, onPictures }: OrderSearchOptions,
): Promise<OrderSearchResult[]> {
  const painted: LabelledImages[] = [];
  for (let k = 0; k < candidates; k++) {
    let before = 0;
    const settings = { ...arpgMethod(steps).settings(sampling, seed), orderSeed: (seed + k) >>> 0 };
    painted.push(
      await paintPictures(painter, settings, samples, (done) => {
        onPictures?.(done - before);
        before = done;
      }),
    );
  }
  const reward = await rewardOf(together(painted)), found: Graded[] = [];
  for (const pictures of painted) {
    found.push({ pictures, rewards: await rewardsOf(painter.model.device, reward, pictures) });
  }
  const results: OrderSearchResult[] = [];
  for (const tried of new Set([1, candidates])) {
    const { pictures, rewards } = bestOf(found.slice(0, tried));
    const mean = rewards.reduce((sum, value) => sum + value, 0) / samples;
    results.push({ steps, candidates: tried, samples, reward: mean, ...await yardstick.brief(pictures) });
  }
  return results;
}

/** Pictures and their rewards. */
interface Graded {
  readonly pictures: LabelledImages;
  readonly rewards: Float32Array;
}

/** All of some pictures. */
function together(sets: readonly LabelledImages[]): LabelledImages {
  const [{ images: { length }, labels }] = sets as [LabelledImages];
  const all = { images: new Uint8Array(length * sets.length), labels: new Uint8Array(labels.length * sets.length) };
  sets.forEach((set, k) => {
    all.images.set(set.images, k * length);
    all.labels.set(set.labels, k * labels.length);
  });
  return all;
}

/** Of each picture the version with the highest reward. */
function bestOf(found: readonly Graded[]): Graded {
  const { labels, images: { length } } = found[0]!.pictures;
  const area = length / labels.length, images = new Uint8Array(length);
  const rewards = Float32Array.from(labels, (_, n) => {
    const best = found.reduce((top, each) => each.rewards[n]! > top.rewards[n]! ? each : top);
    images.set(best.pictures.images.subarray(n * area, (n + 1) * area), n * area);
    return best.rewards[n]!;
  });
  return { pictures: { images, labels }, rewards };
}

/** Pictures on the device at once. */
const batchSize = 250;

/** Rewards of square grey pictures, `[N]`. */
async function rewardsOf(
  device: Device,
  reward: PictureReward,
  { images, labels }: LabelledImages,
): Promise<Float32Array> {
  const rewards = new Float32Array(labels.length);
  const area = images.length / labels.length, side = Math.sqrt(area);
  for (let start = 0; start < labels.length; start += batchSize) {
    using _batch = device.scope();
    const classes = Int32Array.from(labels.subarray(start, start + batchSize));
    const levels = Float32Array.from(
      images.subarray(start * area, (start + classes.length) * area),
      (level) => level / 255,
    );
    const painted = {
      images: device.tensor(levels, [classes.length, 1, side, side]),
      classes: device.tensor(classes),
    };
    rewards.set(await device.noGrad(() => reward.score(painted)).data() as Float32Array, start);
  }
  return rewards;
}
