import type { ArpgPainter } from "../../src/eval/arpg_painter.ts";
import { MethodYardstick } from "../../src/eval/method_yardstick.ts";
import { Classifier } from "../../src/models/classifier.ts";
import { Initializer } from "../../src/nn/init.ts";
import type { DecodingPolicy } from "../../src/policy/decoding_policy.ts";
import type { DecodingPolicyConfig } from "../../src/policy/decoding_policy_config.ts";
import { budgetDegrees } from "../../src/policy/step_budget.ts";
import { tinyArpgConfig } from "../models/tiny_arpg.ts";
import { stir, tinyPolicy } from "../policy/tiny_policy.ts";
import { testDevice } from "../support/device.ts";
import { syntheticDigits } from "./synthetic_digits.ts";
import { tinyPainter } from "./tiny_painter.ts";

/** Untrained models of ten classes to compare methods with. */
export interface TinyComparison {
  readonly painter: ArpgPainter;
  /** Of the targets 2 and 4, away from its start. */
  readonly policy: DecodingPolicy;
  /** For 40 pictures. */
  readonly yardstick: MethodYardstick;
}

/** Makes {@link TinyComparison}. */
export async function tinyComparison(): Promise<TinyComparison> {
  const device = await testDevice();
  const { cells } = tinyArpgConfig, targets = [2, 4];
  const sizes: Partial<DecodingPolicyConfig> = {
    ...{ cells, classes: 10, targets, degrees: budgetDegrees(targets, cells, "arccos"), max_steps: 5 },
    prior: { schedule: "arccos", width: 1, floor: 0.1, order: "random", trust: 0 },
  };
  const policy = tinyPolicy(device, sizes);
  stir(policy, 2);
  const judge = new Classifier(new Initializer(device, 3), 10, 8);
  const digits = { train: syntheticDigits(200, 1), test: syntheticDigits(60, 2) };
  return {
    painter: await tinyPainter(10),
    policy,
    yardstick: await MethodYardstick.measure(device, judge, digits, 40),
  };
}
