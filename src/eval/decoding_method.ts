import { type DecodeOrder, decodeOrders } from "../models/decode_order.ts";
import { type DecodeSchedule, decodeSchedules } from "../models/decode_schedule.ts";
import type { DecodingPolicy } from "../policy/decoding_policy.ts";
import type { PaintSettings, PolicySettings } from "./arpg_painter.ts";

/** What the tokens are drawn with: every method may be best with another. */
export interface TokenSampling {
  /** Scale of constant guidance; 1 for none. */
  readonly guidance: number;
  /** Divides the logits; 0 takes the likeliest token. */
  readonly temperature: number;
}

/** A way to decode that can be compared with others. */
export interface DecodingMethod {
  /** What tables call it. */
  readonly name: string;
  /** `arpg` is ARPG's own rule, arccos counts in random order; `hand` any other made by hand. */
  readonly family: "policy" | "arpg" | "hand";
  /** How many cells at each step; null for a policy. */
  readonly schedule: DecodeSchedule | null;
  /** Where; null for a policy. */
  readonly order: DecodeOrder | null;
  /** How a policy decides; null for what is no policy. */
  readonly mode: PolicySettings["mode"] | null;
  /** Steps that a painting should take. */
  readonly target_steps: number;
  /** Settings of a painter. */
  readonly settings: (sampling: TokenSampling, seed: number) => PaintSettings | PolicySettings;
}

function common({ guidance: scale, temperature }: TokenSampling, seed: number) {
  return { guidance: { scale, form: "constant" }, temperature, seed } as const;
}

/** A policy at a number of target steps. @param speed multiplies its degrees. */
export function policyMethod(
  policy: DecodingPolicy,
  steps: number,
  mode: PolicySettings["mode"],
  speed = 1,
): DecodingMethod {
  return {
    name: speed === 1 ? "policy" : `policy at speed ${speed}`,
    family: "policy",
    schedule: null,
    order: null,
    mode,
    target_steps: steps,
    settings: (sampling, seed) => ({ policy, steps, mode, speed, ...common(sampling, seed) }),
  };
}

/** A schedule with an order, both made by hand. */
export function handMethod(schedule: DecodeSchedule, order: DecodeOrder, steps: number): DecodingMethod {
  return {
    name: `${schedule}, ${order}`,
    family: schedule === "arccos" && order === "random" ? "arpg" : "hand",
    schedule,
    order,
    mode: null,
    target_steps: steps,
    settings: (sampling, seed) => ({ schedule, order, steps, ...common(sampling, seed) }),
  };
}

/** ARPG's own rule (arXiv 2503.10568, section 3.3): arccos counts in random order. */
export function arpgMethod(steps: number): DecodingMethod {
  return handMethod("arccos", "random", steps);
}

/** Every schedule with every order, except ARPG's own rule. */
export function otherHandMethods(steps: number): DecodingMethod[] {
  return decodeSchedules.flatMap((schedule) => decodeOrders.map((order) => handMethod(schedule, order, steps)))
    .filter(({ family }) => family === "hand");
}
