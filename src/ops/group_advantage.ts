import shader from "../../shaders/group_advantage.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import { requireRank } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp } from "./op.ts";
import { requireDType } from "./require_dtype.ts";

/** How a reward becomes an advantage, see {@link groupAdvantage}. */
export type AdvantageForm = "mean" | "mean_std" | "rloo" | "batch";

/** Settings of {@link groupAdvantage}. */
export interface AdvantageOptions {
  /** Rewards of one condition, in a row: K. */
  readonly groupSize: number;
  /** What is subtracted from a reward, and what it is divided by. */
  readonly form: AdvantageForm;
  /** Largest |A|; default 5. */
  readonly limit?: number;
}

const forms = { mean: 0, mean_std: 1, rloo: 2, batch: 3 };
/** Most iterations of a lane's loop: it would be stopped silently after 65,535. */
const longest = 65535;

/** The op behind {@link groupAdvantage}: outputs advantages and statistics. */
export const groupAdvantageOp = defineOp({
  name: "group_advantage",
  shader,
  shape([rewards]: [Tensor], { groupSize }: AdvantageOptions) {
    requireDType("group_advantage", "rewards", rewards, "f32");
    requireRank("group_advantage", "rewards", rewards.shape, 1);
    const groups = rewards.size / groupSize;
    if (!Number.isInteger(groupSize) || groupSize < 1 || !Number.isInteger(groups)) {
      throw new RangeError(
        `Cannot apply group_advantage: ${rewards.size} rewards do not form groups of ${groupSize}; ` +
          "pass the same number of rewards for every condition",
      );
    }
    if (groups > longest || groupSize > longest) {
      throw new RangeError(
        `Cannot apply group_advantage: at most ${longest} groups of at most ${longest} rewards fit, ` +
          `got ${groups} groups of ${groupSize}`,
      );
    }
    return groups;
  },
  forward(run, [rewards], { groupSize: size, form, limit = 5 }, groups) {
    const moments = run.empty([groups, 4]), statistics = run.empty([4]), advantage = run.empty(rewards.shape);
    const params = { groups, size, limit };
    run.kernel("group_moments", {
      read: [rewards],
      write: [moments],
      params,
      grid: foldGrid(Math.ceil(groups / 32)),
    });
    run.kernel("batch_moments", { read: [moments], write: [statistics], params, grid: [1] });
    run.kernel("forward", {
      read: [rewards, moments, statistics],
      write: [advantage],
      params,
      overrides: { FORM: forms[form] },
      grid: foldGrid(Math.ceil(rewards.size / 32)),
    });
    return { out: [advantage, statistics] as const, saved: null };
  },
});

/**
 * Advantages of rewards within their groups, `[N] -> [N]`, groups of K in a row (GRPO, arXiv 2402.03300). No gradient.
 *
 * With m, s and n the mean, unbiased deviation and count of the group: `mean` is `r - m` (Dr. GRPO, arXiv 2503.20783),
 * `mean_std` is `(r - m) / (s + 1e-4)`, `rloo` is `r` less the mean of the others (arXiv 2402.14740), `batch` is
 * `(r - m) / (S + 1e-4)` with S the unbiased deviation of all rewards. NaN and infinite rewards are excluded: they get 0
 * and count in no mean. A group of equal rewards, or of one, gets exactly 0. |A| is cut at `limit`.
 *
 * @returns the advantages and, as `[4]`: share of groups without spread, number of excluded rewards, mean of the rewards
 * and their unbiased deviation.
 * @throws {RangeError} for rewards that are no f32 vector, do not form groups of K, or form too many.
 */
export function groupAdvantage(
  rewards: Tensor,
  options: AdvantageOptions,
): { readonly advantage: Tensor; readonly statistics: Tensor } {
  const [advantage, statistics] = groupAdvantageOp([rewards], options);
  return { advantage, statistics };
}
