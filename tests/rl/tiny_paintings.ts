import { FrozenArpg } from "../../src/models/frozen_arpg.ts";
import { ProbedDecoder } from "../../src/models/probed_decoder.ts";
import type { DecodingPolicy } from "../../src/policy/decoding_policy.ts";
import type { DecodingPolicyConfig } from "../../src/policy/decoding_policy_config.ts";
import { PolicyChoice } from "../../src/policy/policy_choice.ts";
import { budgetDegrees, StepBudget } from "../../src/policy/step_budget.ts";
import type { PaintingsOfUpdate } from "../../src/rl/decision_loss.ts";
import type { Device } from "../../src/tensor/device.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { tinyArpg } from "../models/tiny_arpg.ts";
import { tinyPolicy } from "../policy/tiny_policy.ts";

export const cells = 16;
export const targets = [2, 4];
/** A policy of 4x4 cells whose degree is open from the start. */
export const openPolicy: Partial<DecodingPolicyConfig> = {
  cells,
  degrees: budgetDegrees(targets, cells, "arccos"),
  targets,
  max_steps: 6,
  slack: 2,
  prior: { schedule: "arccos", width: 1, floor: 0.1, order: "random", trust: 0 },
};

/** Paintings of a tiny model under a policy, again and again. */
export class TinyPaintings {
  readonly choice: PolicyChoice;
  /** T_ref of each painting: the targets in turn. */
  readonly wanted: readonly number[];
  readonly targets: Tensor;
  readonly #decoder: ProbedDecoder;

  private constructor(device: Device, readonly policy: DecodingPolicy, model: FrozenArpg, readonly batch: number) {
    const budget = new StepBudget(policy.config);
    this.choice = new PolicyChoice(policy, budget, { batch, temperature: 1, keep: true });
    const { degrees } = policy.config;
    this.#decoder = new ProbedDecoder(model, {
      batch,
      steps: budget.steps,
      degrees,
      temperature: 1,
      choose: this.choice.choose,
    });
    this.wanted = Array.from({ length: batch }, (_, b) => targets[b % targets.length]!);
    this.targets = device.persistent(() => device.tensor(Float32Array.from(this.wanted)));
  }

  static async of(device: Device, batch: number, change: Partial<DecodingPolicyConfig> = {}): Promise<TinyPaintings> {
    const policy = tinyPolicy(device, { ...openPolicy, ...change });
    return new TinyPaintings(device, policy, await FrozenArpg.of(tinyArpg(device)), batch);
  }

  /** Paints with the random numbers of a seed. */
  paint(seed: number): { readonly painted: Tensor; readonly cost: Tensor } {
    const { batch } = this;
    const numbers = Int32Array.from({ length: batch }, (_, b) => b);
    this.choice.write({ classes: numbers.map((b) => b % 3), targets: this.wanted, rollouts: numbers });
    return this.#decoder.decode({
      classes: numbers.map((b) => b % 3),
      order: Int32Array.from({ length: batch * cells }, (_, i) => i % cells),
      samples: numbers,
      seed,
    });
  }

  /** What the loss must know of the paintings. */
  worth(advantage: Tensor): PaintingsOfUpdate {
    return { count: this.batch, steps: this.policy.config.max_steps, targets: this.targets, advantage };
  }

  dispose(): void {
    this.#decoder.dispose();
    this.choice.dispose();
  }
}
