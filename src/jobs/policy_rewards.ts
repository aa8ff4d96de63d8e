import { FidelityReward } from "../rewards/fidelity_reward.ts";
import type { WeightedReward } from "../rewards/reward.ts";
import { loadUserReward } from "../rewards/user_reward.ts";
import { Grader } from "../rl/grader.ts";
import { efficiencyOf, measureLatency } from "./policy_cost.ts";
import type { PolicyTraining } from "./policy_setup.ts";

/**
 * The rewards that a config names: those of the job, which look at its kind of pictures, then fidelity, the user's own
 * and cost, which every job has.
 *
 * @throws {UserError} for a module that cannot be loaded.
 */
export async function makeGrader(job: PolicyTraining, pictures: readonly WeightedReward[]): Promise<Grader> {
  const { device, config: { reward, training }, classNames, loadGenerator } = job;
  const { batch_size: hand, group_size } = training;
  const policy = hand * group_size;
  const rewards = [...pictures];
  if (reward.fidelity) {
    const drawnFrom = {
      guidance: { scale: training.cfg_scale, form: "constant" as const },
      temperature: training.temperature,
    };
    const { weight } = reward.fidelity;
    rewards.push({ weight, reward: new FidelityReward(await loadGenerator(), drawnFrom, policy + hand) });
  }
  const modules = reward.module
    ? [{ module: await loadUserReward(reward.module.path), weight: reward.module.weight }]
    : [];
  const latency = reward.efficiency && reward.cost === "latency" ? await measureLatency(job) : null;
  return new Grader(device, {
    rewards,
    modules,
    combination: reward.combine,
    ...(reward.efficiency ? { efficiency: efficiencyOf(job, latency) } : {}),
    ...(latency ? { latency } : {}),
    classNames,
  }, { policy, hand });
}
