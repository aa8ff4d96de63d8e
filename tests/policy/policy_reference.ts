/** The networks of a decoding policy in float64 and plain loops, one painting at a time. */
import type { DecodingPolicyConfig } from "../../src/policy/decoding_policy_config.ts";

/** A painting before a step, and the decision that was made. */
export interface ReferenceRow {
  readonly cells: readonly (readonly number[])[];
  readonly canvas: readonly number[];
  readonly of: number;
  readonly prior: readonly number[];
  readonly degrees: readonly number[];
  /** Places of the cells from 1 up, 0 for painted ones. */
  readonly free: readonly number[];
  readonly degree: number;
  readonly picks: readonly number[];
}

type Vector = readonly number[];

const plus = (a: Vector, b: Vector) => a.map((value, i) => value + b[i]!);
const relu = (a: Vector) => a.map((value) => Math.max(0, value));
const dot = (a: Vector, b: Vector) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const meanOf = (a: Vector) => a.reduce((sum, value) => sum + value, 0) / a.length;
const logSumExp = (a: Vector) => {
  const top = Math.max(...a);
  return top + Math.log(a.reduce((sum, value) => sum + Math.exp(value - top), 0));
};

/** A network by its weights, which a caller may move. */
export class PolicyReference {
  constructor(readonly config: DecodingPolicyConfig, readonly weights: ReadonlyMap<string, Float64Array>) {}

  /** Log-probability of a row's decision. */
  logProb(row: ReferenceRow): number {
    const { logits, scores: own, strength, trust } = this.forward(row);
    const scores = own.map((score, n) => score - trust * (row.free[n]! - 1));
    const valid = logits.map((logit, i) => logit + row.prior[i]!).map((logit, i) => row.degrees[i] ? logit : -1e30);
    let total = valid[row.degree]! - logSumExp(valid);
    let left = row.free.flatMap((is, n) => is ? [n] : []);
    const picked: number[] = [];
    for (const pick of row.picks.filter((n) => n >= 0)) {
      const pushed = (n: number) => scores[n]! - strength * picked.reduce((sum, p) => sum + this.#closeness(p, n), 0);
      total += pushed(pick) - logSumExp(left.map(pushed));
      left = left.filter((n) => n !== pick);
      picked.push(pick);
    }
    return total;
  }

  /** What the network says before prior and mask. */
  forward({ cells, canvas, of }: ReferenceRow) {
    const { network, repulsion, prior } = this.config;
    const perState = (encoded: Vector) => ({
      strength: repulsion ? this.#linear("strength", encoded)[0]! : 0,
      trust: prior.trust > 0 ? prior.trust * Math.exp(this.#linear("trust", encoded)[0]!) : 0,
    });
    if (network === "mlp") {
      const first = this.#norm(
        "policy.encoder.2",
        relu(this.#linear("policy.encoder.0", [
          ...cells.flat(),
          ...canvas,
          ...this.#row("classes", of),
        ])),
      );
      const encoded = this.#norm("policy.encoder.5", relu(this.#linear("policy.encoder.3", first)));
      const head = (name: string) => this.#linear(`${name}.2`, relu(this.#linear(`${name}.0`, encoded)));
      return {
        logits: head("policy.parallel_head"),
        scores: head("policy.position_head"),
        ...perState(encoded),
      };
    }
    const whole = plus(this.#linear("canvas", canvas), this.#row("classes", of));
    const start = cells.map((cell, n) => plus(plus(this.#linear("cells", cell), this.#position(n)), whole));
    const seen = network === "conv" ? this.#convolved(start) : this.#attended(start);
    const columns = seen[0]!.map((_, c) => seen.map((cell) => cell[c]!));
    const summed = relu(this.#linear("summary", [
      ...columns.map(meanOf),
      ...columns.map((column) => Math.max(...column)),
      ...canvas,
    ]));
    return {
      logits: this.#linear("degree", summed),
      scores: seen.map((cell) => dot(cell, this.#row("score", 0))),
      ...perState(summed),
    };
  }

  #convolved(start: Vector[]): Vector[] {
    const { layers, cells, hidden_dim: dim } = this.config, width = Math.sqrt(cells);
    let seen = start;
    for (let l = 0; l < layers; l++) {
      const weight = this.weights.get(`trunk.${l}.weight`)!, bias = this.weights.get(`trunk.${l}.bias`)!;
      seen = seen.map((own, n) => {
        const y = Math.floor(n / width), x = n % width, out = Array.from(bias);
        for (let dy = -1; dy <= 1; dy++) {
          for (let dx = -1; dx <= 1; dx++) {
            if (y + dy < 0 || y + dy >= width || x + dx < 0 || x + dx >= width) continue;
            const from = seen[(y + dy) * width + x + dx]!;
            for (let o = 0; o < dim; o++) {
              for (let c = 0; c < dim; c++) out[o]! += from[c]! * weight[(o * dim + c) * 9 + 3 * (dy + 1) + dx + 1]!;
            }
          }
        }
        return plus(own, relu(out));
      });
    }
    return seen;
  }

  #attended(start: Vector[]): Vector[] {
    const { layers, hidden_dim: dim } = this.config, size = dim % 16 ? dim : 16;
    let seen = start;
    for (let l = 0; l < layers; l++) {
      const at = `trunk.${l}`, normed = seen.map((cell) => this.#norm(`${at}.attn_norm`, cell));
      const [q, k, v] = ["to_q", "to_k", "to_v"].map((name) =>
        normed.map((cell) => this.#linear(`${at}.${name}`, cell))
      );
      const mixed = q!.map((query) =>
        query.map((_, c) => {
          const begin = c - c % size, part = (a: Vector) => a.slice(begin, begin + size);
          const logits = k!.map((key) => dot(part(query), part(key)) / Math.sqrt(size)), total = logSumExp(logits);
          return logits.reduce((sum, logit, j) => sum + Math.exp(logit - total) * v![j]![c]!, 0);
        })
      );
      seen = seen.map((cell, n) => plus(cell, this.#linear(`${at}.proj`, mixed[n]!)));
      seen = seen.map((cell) =>
        plus(cell, this.#linear(`${at}.down`, relu(this.#linear(`${at}.up`, this.#norm(`${at}.ffn_norm`, cell)))))
      );
    }
    return seen.map((cell) => this.#norm("trunk.norm", cell));
  }

  #linear(name: string, x: Vector): number[] {
    const weight = this.weights.get(`${name}.weight`)!;
    return Array.from(
      this.weights.get(`${name}.bias`)!,
      (b, o) => x.reduce((sum, v, i) => sum + v * weight[o * x.length + i]!, b),
    );
  }

  #norm(name: string, x: Vector): number[] {
    const mean = meanOf(x), scale = 1 / Math.sqrt(meanOf(x.map((v) => (v - mean) ** 2)) + 1e-5);
    const weight = this.weights.get(`${name}.weight`)!, bias = this.weights.get(`${name}.bias`)!;
    return x.map((v, i) => (v - mean) * scale * weight[i]! + bias[i]!);
  }

  #row(table: string, row: number): number[] {
    const { hidden_dim: dim } = this.config;
    return [...this.weights.get(`${table}.weight`)!.subarray(row * dim, (row + 1) * dim)];
  }

  #position(n: number): number[] {
    const { hidden_dim: dim, cells } = this.config, table = this.weights.get("positions")!;
    return Array.from({ length: dim }, (_, c) => table[c * cells + n]!);
  }

  #closeness(a: number, b: number): number {
    const { cells, repulsion } = this.config, width = Math.sqrt(cells);
    const squared = (Math.floor(a / width) - Math.floor(b / width)) ** 2 + (a % width - b % width) ** 2;
    return repulsion ? Math.exp(-squared / (2 * repulsion.sigma ** 2)) : 0;
  }
}
