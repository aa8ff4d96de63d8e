import type { Estimate, MethodScore } from "./run_record.ts";

/** A policy's way to decode and ARPG's own rule at the nearest number of steps. */
export interface MatchedPair {
  readonly policy: MethodScore;
  readonly arpg: MethodScore;
}

/** Where an interval lies, seen from another. */
export type Relation = "below" | "above" | "overlapping" | "unknown";

/** Whether 95 % intervals touch: disjoint ones are a difference, while overlapping ones leave it open. */
export function relation(a: Estimate, b: Estimate): Relation {
  if (![a.low, a.high, b.low, b.high].every(Number.isFinite)) return "unknown";
  return a.high < b.low ? "below" : a.low > b.high ? "above" : "overlapping";
}

/** The judge's error as an estimate: what accuracy leaves. */
export function judgeError({ accuracy: { value, low, high } }: MethodScore): Estimate {
  return { value: 1 - value, low: 1 - high, high: 1 - low };
}

/**
 * Each way of the policy, by Frechet distance, with ARPG's own rule at the nearest mean steps by factor; among rules
 * that are within 2 % of the nearest the one with the same guidance and temperature, then that of the lowest Frechet
 * distance.
 */
export function matchedPairs(methods: readonly MethodScore[]): MatchedPair[] {
  const rules = methods.filter(({ family }) => family === "arpg");
  if (rules.length === 0) return [];
  return byFrechet(methods.filter(({ family }) => family === "policy")).map((policy) => {
    const distance = ({ mean_steps }: MethodScore) => {
      const factor = Math.abs(Math.log(mean_steps / policy.mean_steps));
      return Number.isNaN(factor) ? Infinity : factor;
    };
    const nearest = Math.min(...rules.map(distance));
    const near = rules.filter((rule) => distance(rule) <= nearest + 0.02);
    const alike = near.filter((rule) => rule.guidance === policy.guidance && rule.temperature === policy.temperature);
    return { policy, arpg: byFrechet(alike.length ? alike : near)[0]! };
  });
}

/** Of some methods the best by Frechet distance at each number of target steps, by rising mean steps, and the others. */
export function bestBySteps(methods: readonly MethodScore[]): { best: MethodScore[]; others: MethodScore[] } {
  const best = [...Map.groupBy(methods, ({ target_steps }) => target_steps).values()].map((group) =>
    byFrechet(group)[0]!
  );
  return {
    best: best.toSorted((a, b) => a.mean_steps - b.mean_steps),
    others: methods.filter((method) => !best.includes(method)),
  };
}

/** A method's name, which tells how it decides. */
export function nameOf({ name, mode }: Pick<MethodScore, "name" | "mode">): string {
  return mode === null || name.includes(mode) ? name : `${name}, ${mode}`;
}

/** By rising Frechet distance, those without one last. */
export function byFrechet(methods: readonly MethodScore[]): MethodScore[] {
  const rank = ({ frechet: { value } }: MethodScore) => Number.isNaN(value) ? Infinity : value;
  return methods.toSorted((a, b) => rank(a) === rank(b) ? 0 : rank(a) - rank(b));
}
