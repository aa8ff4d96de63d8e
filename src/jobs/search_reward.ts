import { classify } from "../eval/classify.ts";
import { RealDigits } from "../eval/evaluate_digits.ts";
import { frechetStatistics } from "../eval/frechet.ts";
import type { RewardOfPaintings } from "../eval/order_search.ts";
import type { Judge } from "../models/judge.ts";
import { MomentsReward } from "../rewards/realism_moments.ts";
import type { Device } from "../tensor/device.ts";
import type { SplitDigits } from "./digits_data.ts";

/**
 * What a search over orders goes by: how much a picture pulls the paintings away from real digits, as the rewards' judge
 * sees them.
 */
export async function searchReward(device: Device, judge: Judge, data: SplitDigits): Promise<RewardOfPaintings> {
  const { statistics } = await RealDigits.measure(device, judge, data);
  return async ({ images, labels }) => {
    const [seen] = await classify(device, [judge], images);
    const { features } = seen!;
    const painted = frechetStatistics(features, features.length / labels.length);
    return new MomentsReward(judge, statistics, [painted], { decay: 0, every: 1 });
  };
}
