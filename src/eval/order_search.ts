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
 * Makes what a search goes by, told the pictures as they are chosen now. A reward may depend on what is painted on the
 * whole, such as `MomentsReward`.
 */
export type RewardOfPaintings = (pictures: LabelledImages) => Promise<PictureReward & Disposable>;

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

/** Pictures are chosen again in so many parts, and so many times: later choices know of all others. */
const parts = 10, sweeps = 3;

/**
 * An oracle: paints every picture by ARPG's own counts in K random orders from the same noise and takes the one with the
 * highest reward, a choice that no policy can make beforehand. How far the reward's favourites please a judge that it has
 * not seen says what an order for each picture can gain at most where the reward is right, and where it is not.
 *
 * What a picture is worth may depend on the others: were all chosen at once, all would make up for the same faults. So
 * a tenth of them is chosen at a time, by a reward that is told all pictures as they are chosen now, three times over.
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
  const { device } = painter.model, results: OrderSearchResult[] = [];
  const chosen = new Array<number>(samples).fill(0), all = [...chosen.keys()];
  const present = () => picked(painted, all.map((n) => [chosen[n]!, n]));
  const note = async (tried: number) => {
    using reward = await rewardOf(present());
    const rewards = await rewardsOf(device, reward, present());
    const mean = rewards.reduce((sum, value) => sum + value, 0) / samples;
    results.push({ steps, candidates: tried, samples, reward: mean, ...await yardstick.brief(present()) });
  };
  await note(1);
  if (candidates === 1) return results;
  for (let turn = 0; turn < sweeps * parts; turn++) {
    const part = all.filter((n) => Math.floor(n * parts / samples) === turn % parts);
    using reward = await rewardOf(present());
    const versions = painted.map((_, k) => part.map((n) => [k, n] as const));
    const rewards = await rewardsOf(device, reward, picked(painted, versions.flat()));
    part.forEach((n, i) => {
      const of = (k: number) => rewards[k * part.length + i]!;
      chosen[n] = [...painted.keys()].reduce((top, k) => of(k) > of(top) ? k : top, 0);
    });
  }
  await note(candidates);
  return results;
}

/** Some pictures, each by the number of its version and its own. */
function picked(painted: readonly LabelledImages[], which: readonly (readonly [number, number])[]): LabelledImages {
  const [{ images: { length }, labels }] = painted as [LabelledImages];
  const area = length / labels.length, images = new Uint8Array(which.length * area);
  which.forEach(([k, n], i) => images.set(painted[k]!.images.subarray(n * area, (n + 1) * area), i * area));
  return { images, labels: Uint8Array.from(which, ([, n]) => labels[n]!) };
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
