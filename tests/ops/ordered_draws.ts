import { Ref } from "../support/ref.ts";

/** What float64 says of ordered draws: log-probabilities pick by pick, and their gradients. */
export interface DrawReference {
  readonly logP: Ref;
  readonly dscores: Ref;
  readonly dstrength: Ref;
}

/**
 * Draws without replacement in plain loops, `O(N K^2)`; see `plackettLuceWithRepulsion` for the formulas. Without
 * `strength` and `closeness` nothing is pushed away.
 *
 * @param grad `[R, K]`, of the log-probabilities.
 */
export function drawReference(
  [scores, valid, picks, strength, closeness]: readonly Ref[],
  grad?: Ref,
): DrawReference {
  const [rows, cols] = scores!.shape as [number, number], count = picks!.shape[1]!;
  const logP = new Ref([rows, count]), dscores = new Ref([rows, cols]), dstrength = new Ref([rows]);
  for (let r = 0; r < rows; r++) {
    const left = new Set(Array.from({ length: cols }, (_, j) => j).filter((j) => valid!.at(r, j) !== 0));
    const before: number[] = [];
    for (let i = 0; i < count; i++) {
      const pick = picks!.at(r, i);
      if (pick === -1) continue;
      const crowd = (j: number) => before.reduce((sum, o) => sum + (closeness ? closeness.at(o, j) : 0), 0);
      const pushed = (j: number) => scores!.at(r, j) - (strength ? strength.at(r) * crowd(j) : 0);
      const peak = Math.max(...[...left].map(pushed));
      const total = [...left].reduce((sum, j) => sum + Math.exp(pushed(j) - peak), 0);
      // Where one cell stands out, log p = -log(1 + the others) keeps its digits, and so do differences of it.
      logP.data[r * count + i] = pushed(pick) - peak - Math.log(total);
      const g = grad?.at(r, i) ?? 0;
      for (const j of left) {
        const w = g * ((j === pick ? 1 : 0) - Math.exp(pushed(j) - peak) / total);
        dscores.add([r, j], w);
        dstrength.add([r], -w * crowd(j));
      }
      left.delete(pick);
      before.push(pick);
    }
  }
  return { logP, dscores, dstrength };
}

/** Every ordered choice of k of n. */
export function orderedChoices(n: number, k: number): number[][] {
  if (k === 0) return [[]];
  return orderedChoices(n, k - 1).flatMap((first) =>
    Array.from({ length: n }, (_, j) => j).filter((j) => !first.includes(j)).map((j) => [...first, j])
  );
}

/** A case with random picks among random valid cells: in each row as many as there are, at most k, then -1. */
export function randomDraws(
  rows: number,
  cols: number,
  k: number,
  random: () => number,
  share = 0.7,
): { valid: number[]; picks: number[] } {
  const valid: number[] = [], picks: number[] = [];
  for (let r = 0; r < rows; r++) {
    const row = Array.from({ length: cols }, () => random() < share ? 1 : 0);
    valid.push(...row);
    const order = row.flatMap((is, j) => is ? [{ j, u: random() }] : []).sort((a, b) => a.u - b.u).map(({ j }) => j);
    const wanted = Math.ceil(random() * k);
    picks.push(...Array.from({ length: k }, (_, i) => i < wanted ? order[i] ?? -1 : -1));
  }
  return { valid, picks };
}

/** Pearson's chi-square of counted draws against probabilities. */
export function chiSquare(
  counts: ReadonlyMap<string, number>,
  law: ReadonlyMap<string, number>,
  draws: number,
): number {
  let sum = 0;
  for (const [outcome, p] of law) sum += ((counts.get(outcome) ?? 0) - draws * p) ** 2 / (draws * p);
  return sum;
}

/** How often each row of `[R, k]` picks occurs. */
export function countRows(picks: ArrayLike<number>, k: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let at = 0; at < picks.length; at += k) {
    const outcome = Array.from({ length: k }, (_, i) => picks[at + i]).join();
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
  return counts;
}
