import type { Arpg } from "../models/arpg.ts";
import type { DecodingPolicy } from "../policy/decoding_policy.ts";
import type { DecodingGrpo } from "../rl/decoding_grpo.ts";
import type { Grader } from "../rl/grader.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { GrpoPhase, type GrpoPhaseOptions, type Inspector, type Measures, type Rewarded } from "./grpo_phase.ts";
import { prefixed, unprefixed } from "./run_state.ts";
import { restoreTraining, trainingState } from "./training_state.ts";

/** What the held-out judge found at a look. */
export interface Look extends Measures {
  readonly held_out_accuracy: number;
  readonly held_out_frechet: number;
}

/** GRPO of a decoding policy as a phase; the policy ends with the averaged weights. */
export class PolicyPhase extends GrpoPhase {
  /** Of a trainer that has not begun. */
  constructor(
    private readonly policy: DecodingPolicy,
    protected override readonly trainer: DecodingGrpo,
    private readonly grader: Grader,
    /** Where it is trained too. */
    private readonly generator: Arpg | null,
    inspector: Inspector,
    options: GrpoPhaseOptions,
  ) {
    super(trainer, inspector, options);
  }

  state(): Map<string, Tensor> {
    const { policy, trainer, grader, generator } = this;
    return new Map([
      ...trainingState(policy, trainer),
      ...prefixed("rewards", grader.state()),
      ...(generator && trainer.generator ? prefixed("generator", trainingState(generator, trainer.generator)) : []),
    ]);
  }

  restore(tensors: ReadonlyMap<string, HostTensor>): void {
    restoreTraining(this.policy, this.trainer, tensors);
    this.grader.restore(unprefixed("rewards", tensors));
    if (!this.generator || !this.trainer.generator) return;
    restoreTraining(this.generator, this.trainer.generator, unprefixed("generator", tensors));
    this.trainer.generator.refresh();
  }
}

/**
 * What to say when the reward has risen since an earlier look while the judge that no reward has seen has come to like
 * the pictures less, in accuracy and in Frechet distance; null where all is well.
 */
export function rewardHacked(
  looks: readonly (Look & Rewarded)[],
  now: Look & Rewarded,
): string | null {
  const worse = looks.findLast(({ reward, held_out_accuracy: accuracy, held_out_frechet: frechet }) =>
    now.reward > reward && now.held_out_accuracy < accuracy - 0.005 && now.held_out_frechet > 1.05 * frechet
  );
  if (!worse) return null;
  const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
  return `the reward has risen from ${worse.reward.toFixed(4)} to ${
    now.reward.toFixed(4)
  } while the held-out judge's ` +
    `accuracy fell from ${percent(worse.held_out_accuracy)} to ${percent(now.held_out_accuracy)} and the Frechet ` +
    `distance rose from ${worse.held_out_frechet.toFixed(1)} to ${now.held_out_frechet.toFixed(1)}: the policy is ` +
    "learning the reward, not to paint; see the troubleshooting in docs/decoding-policy.md";
}
