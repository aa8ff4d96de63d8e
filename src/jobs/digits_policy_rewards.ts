import { classify } from "../eval/classify.ts";
import { type FrechetStatistics, frechetStatistics } from "../eval/frechet.ts";
import { arpgMethod } from "../eval/decoding_method.ts";
import { balancedLabels } from "../eval/paint_digits.ts";
import { ClassifierReward } from "../rewards/classifier_reward.ts";
import { calibrateQuality } from "../rewards/quality_calibration.ts";
import { QualityReward } from "../rewards/quality_reward.ts";
import { DiscriminatorReward } from "../rewards/realism_discriminator.ts";
import { MomentsReward } from "../rewards/realism_moments.ts";
import type { Reward, WeightedReward } from "../rewards/reward.ts";
import { openClipRewards } from "./clip_rewards.ts";
import type { DigitsPolicyRun } from "./digits_policy.ts";
import { samplingOf } from "./policy_setup.ts";

/** Pictures of the hand schedule that the moments of realism start from, for each number of target steps. */
const firstPictures = 500;
/** Averages of painted moments forget with this; with 27 rollouts of each target an update they hold some 1,300. */
const moments = { decay: 0.98, every: 5 };

/** The rewards of a config that look at digits. */
export async function digitsRewards(job: DigitsPolicyRun): Promise<WeightedReward[]> {
  const { device, config: { reward }, data, judges, classNames } = job;
  const rewards: WeightedReward[] = [];
  const name = (weight: number, each: Reward) => rewards.push({ reward: each, weight });
  if (reward.classifier) {
    name(reward.classifier.weight, new ClassifierReward(judges.reward, reward.classifier.form));
  }
  if (reward.quality) {
    const { form, weight } = reward.quality;
    const quality = form === "classic" ? new QualityReward({ form }) : new QualityReward({
      form,
      calibration: await calibrateQuality(device, data.train.images, [1, data.train.size, data.train.size]),
    });
    name(weight, quality);
  }
  if (reward.realism) name(reward.realism.weight, await realismOf(job, reward.realism.form));
  const { size } = data.train;
  return [...rewards, ...await openClipRewards(device, reward, { height: size, width: size, classNames })];
}

async function realismOf(job: DigitsPolicyRun, form: "moments" | "discriminator"): Promise<Reward> {
  const { device, config, data, judges, painter, classes } = job;
  if (form === "discriminator") return new DiscriminatorReward(device, data.train, { seed: config.seed });
  const labels = balancedLabels(firstPictures, classes);
  const targets = config.training.target_steps;
  const statistics = async (of: Uint8Array): Promise<FrechetStatistics> => {
    const [seen] = await classify(device, [judges.reward], of);
    return frechetStatistics(seen!.features, seen!.features.length / (of.length / data.train.size ** 2));
  };
  const painted: FrechetStatistics[] = [];
  for (const steps of targets) {
    const settings = arpgMethod(steps).settings(samplingOf(config), config.seed);
    painted.push(await statistics((await painter.paint(labels, settings)).images));
  }
  return new MomentsReward(judges.reward, await statistics(data.train.images), painted, { ...moments, targets });
}
