import { Initializer } from "../../src/nn/init.ts";
import { DecodingPolicy } from "../../src/policy/decoding_policy.ts";
import type { DecodingPolicyConfig } from "../../src/policy/decoding_policy_config.ts";
import { policyState } from "../../src/policy/policy_state.ts";
import type { Device } from "../../src/tensor/device.ts";
import { seededRandom } from "../support/random.ts";

export const networks = ["conv", "attention", "mlp"] as const;

/** A policy of 9 cells that a test can differentiate. */
export const tinyPolicyConfig: DecodingPolicyConfig = {
  state: "confidence",
  network: "conv",
  hidden_dim: 8,
  layers: 2,
  degrees: [1, 2, 3, 4],
  targets: [9],
  max_steps: 9,
  slack: 0,
  prior: { schedule: "arccos", width: 0.3, floor: 1e-3, order: "random", trust: 0 },
  cells: 9,
  classes: 3,
  repulsion: { sigma: 1 },
};

export function tinyPolicy(device: Device, change: Partial<DecodingPolicyConfig> = {}): DecodingPolicy {
  return new DecodingPolicy(new Initializer(device, 5), { ...tinyPolicyConfig, ...change });
}

/** Random values for the last layers too, which start at zero and would hide everything before them. */
export function stir(policy: DecodingPolicy, size = 0.5): void {
  const random = seededRandom(77);
  for (const [name, tensor] of policy.parameters()) {
    if (!/(^|\.)(score|degree|strength|trust|parallel_head\.2|position_head\.2)\./.test(name)) continue;
    tensor.write(Float32Array.from({ length: tensor.size }, () => size * (2 * random() - 1)));
  }
}

/** Everything a policy is asked with, for the paintings `first` to `first + batch - 1` of an endless list. */
export function questions(device: Device, { cells, classes, degrees }: DecodingPolicyConfig, batch: number, first = 0) {
  const rows = Array.from({ length: batch }, (_, b) => {
    const random = seededRandom(100 + first + b), list = (count: number) => Array.from({ length: count }, random);
    // Three picks are always possible.
    const open = list(cells).flatMap((u, n) => u < 0.7 || n < 3 ? [n] : []);
    const shuffled = () => open.map((n) => ({ n, at: random() })).sort((a, b) => a.at - b.at);
    const order = shuffled(), free = new Array<number>(cells).fill(0);
    shuffled().forEach(({ n }, place) => free[n] = place + 1);
    const degree = Math.floor(3 * random());
    return {
      free,
      signals: list(3 * cells),
      progress: list(2),
      prior: list(degrees.length).map((u) => 2 * u - 1),
      degrees: degrees.map((d) => d <= 3 ? 1 : 0),
      of: Math.floor((classes + 1) * random()),
      degree,
      picks: [0, 1, 2].map((i) => i <= degree ? order[i]!.n : -1),
    };
  });
  const floats = (values: number[], width: number) => device.tensor(Float32Array.from(values), [batch, width]);
  const ints = (values: number[], width: number) => device.tensor(Int32Array.from(values), [batch, width]);
  const unpainted = ints(rows.flatMap(({ free }) => free), cells);
  const signals = device.tensor(Float32Array.from(rows.flatMap((row) => row.signals)), [batch, cells, 3]);
  const progress = floats(rows.flatMap((row) => row.progress), 2);
  return {
    state: policyState({ unpainted, signals, progress }, "confidence"),
    classes: device.tensor(Int32Array.from(rows, (row) => row.of)),
    valid: { degrees: ints(rows.flatMap((row) => row.degrees), degrees.length), cells: unpainted },
    prior: floats(rows.flatMap((row) => row.prior), degrees.length),
    decision: {
      degree: device.tensor(Int32Array.from(rows, (row) => row.degree)),
      picks: ints(rows.flatMap((row) => row.picks), 3),
    },
    rows,
  };
}
