import { UserError } from "../error.ts";
import type { Decoded } from "../models/arpg_decoder.ts";
import type { DecodePlan } from "../models/decode_request.ts";
import type { FrozenArpg } from "../models/frozen_arpg.ts";
import { ProbedDecoder } from "../models/probed_decoder.ts";
import type { DecodingPolicy } from "../policy/decoding_policy.ts";
import { PolicyChoice } from "../policy/policy_choice.ts";
import { StepBudget } from "../policy/step_budget.ts";
import { type NoiseSettings, samplingOf, type TokenPainting, type TokenRequest } from "./token_painting.ts";

/** How to paint by a policy. */
export interface PolicySettings extends NoiseSettings {
  /** Decides at every step how many cells, and which. */
  readonly policy: DecodingPolicy;
  /** Target steps, one of `policy.config.targets`. */
  readonly steps: number;
  /** Whether degrees and cells are drawn by the policy's law, or the likeliest degree and the best cells taken. */
  readonly mode: "sampled" | "greedy";
  /**
   * Multiplies the degrees; default 1. Below 1 a painting may take the more steps, up to `policy.config.max_steps`; the
   * last one paints what remains.
   */
  readonly speed?: number;
}

/**
 * Decoding by a policy. A picture's number is that of its sample and of its rollout: its tokens have the random numbers of
 * hand-made schedules with the same seed. Known cells count as painted ahead of time.
 */
export class PolicyPainting implements TokenPainting {
  readonly #decoder: ProbedDecoder;
  readonly #choice: PolicyChoice;

  /** Records the decoding of batches whose pictures have so many known cells; undefined for none. */
  constructor(
    model: FrozenArpg,
    private readonly settings: PolicySettings,
    private readonly batch: number,
    known: Int32Array | undefined,
  ) {
    const { policy, mode, speed = 1 } = settings;
    const { degrees, slack } = policy.config;
    // Slower paintings have the more time to finish in; what the policy sees of time stays as it was trained.
    const budget = new StepBudget({ ...policy.config, slack: slack + extraSteps(settings) });
    this.#choice = new PolicyChoice(policy, budget, { batch, temperature: mode === "greedy" ? 0 : 1 });
    const { steps, mostKnown } = policyPlan(settings, model.config.cells, known);
    const { choose } = this.#choice;
    const limits = { batch, steps, degrees, speed, mostKnown };
    this.#decoder = new ProbedDecoder(model, { ...samplingOf(settings), ...limits, choose });
  }

  /** Decodes a batch, without a wait. */
  decode(request: TokenRequest): Decoded {
    const { classes, samples } = request;
    this.#choice.write({ classes, targets: Array<number>(this.batch).fill(this.settings.steps), rollouts: samples });
    return this.#decoder.decode(request);
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    this.#decoder.dispose();
    this.#choice.dispose();
  }
}

/** What the host knows of a policy's paintings: every step may ask for all cells. */
export function policyPlan(
  settings: PolicySettings,
  cells: number,
  known: Int32Array | undefined,
): Extract<DecodePlan, { readonly steps: unknown }> {
  const { policy: { config: { slack, max_steps } } } = settings;
  const steps = Math.min(max_steps, settings.steps + slack + extraSteps(settings));
  return { steps, mostKnown: known ? Math.max(...known) : 0, mostGroup: cells };
}

/** Steps beyond the target that a speed below 1 may take. */
function extraSteps({ steps, speed = 1 }: PolicySettings): number {
  return speed < 1 ? Math.ceil(steps / speed) - steps : 0;
}

/**
 * Checks that a policy can decide for a model.
 *
 * @throws {UserError} for a policy of other cells or classes, a number of steps that is none of its targets, and a speed
 * that is not positive.
 */
export function checkPolicy({ policy, steps, speed = 1 }: PolicySettings, model: FrozenArpg): void {
  const { cells, classes, targets } = policy.config;
  if (cells !== model.config.cells || classes !== model.config.classes) {
    throw new UserError(
      `Cannot paint by this policy: it is for ${cells} cells and ${classes} classes, the model has ` +
        `${model.config.cells} and ${model.config.classes}; name the model that the policy was trained for`,
    );
  }
  if (!targets.includes(steps)) {
    throw new UserError(
      `Cannot paint in ${steps} steps: the policy knows ${targets.join(", ")}; ask for one of them`,
    );
  }
  if (!(speed > 0 && speed < Infinity)) throw new UserError(`Cannot paint at speed ${speed}: wanted a positive number`);
}
