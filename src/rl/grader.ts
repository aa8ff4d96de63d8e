import { add, mul } from "../ops/elementwise_binary.ts";
import type { PaintedImages, WeightedReward } from "../rewards/reward.ts";
import type { Tensor } from "../tensor/tensor.ts";

export class Grader {
  readonly names: readonly string[];
  readonly observed: Tensor[] = [];
  constructor(private readonly rewards: readonly WeightedReward[]) {
    this.names = rewards.map(({ reward }) => reward.name);
  }
  grade(painted: PaintedImages, _cost: Tensor, _reference: Tensor): { total: Tensor; parts: Tensor[] } {
    const parts = this.rewards.map(({ reward }) => reward.score(painted));
    return { total: parts.map((p, i) => mul(p, this.rewards[i]!.weight)).reduce((a, b) => add(a, b)), parts };
  }
  observe(painted: PaintedImages): void {
    for (const { reward } of this.rewards) {
      // deno-lint-ignore no-explicit-any
      const seen = (reward as any).adaptive?.observe(painted);
      if (seen) this.observed.push(seen);
    }
  }
  prepare(_n: number): void {}
  async host(_painted: PaintedImages): Promise<void> {}
  adapt(values: Float32Array[], n: number): void {
    // deno-lint-ignore no-explicit-any
    this.rewards.filter(({ reward }) => (reward as any).adaptive).forEach(({ reward }, i) => (reward as any).adaptive.adapt(values[i]!, n));
  }
}
