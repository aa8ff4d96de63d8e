import { join } from "node:path";
import { z } from "zod";
import { BlankInitializer } from "../../nn/init.ts";
import { loadParameters } from "../../nn/module.ts";
import { entropy } from "../../ops/entropy.ts";
import { logSoftmax } from "../../ops/log_softmax.ts";
import { sum } from "../../ops/reduce.ts";
import { ClassicPolicy } from "../../policy/classic_policy.ts";
import { decisionLogProbs, jointLogProb } from "../../policy/decision.ts";
import type { Device } from "../../tensor/device.ts";
import type { HostTensor } from "../../tensor/host_tensor.ts";
import { gradients } from "../../tensor/tape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { inputOf, parseFields, type ReferenceCase } from "./reference_case.ts";

const count = z.int().positive();
const configSchema = z.object({ state_dim: count, hidden_dim: count, max_parallel: count, seq_len: count });

/**
 * `policy.logprob` of the classic policy for `state` `[B, S]` and `generated_mask` `[B, N]` (1 where painted). Gives
 * `degree_log_probs` `[B, D]`, `position_scores` `[B, N]`, `degree_entropy` `[B]`, the `logprob` `[B]` of `degree` `[B]`
 * and `positions` `[B, K]`, and the `grad.<weight>` of its sum. Class d - 1 stands for d tokens, d <= remaining.
 */
export async function runPolicyLogProb(device: Device, given: ReferenceCase): Promise<Map<string, HostTensor>> {
  const config = parseFields(join(given.folder, "case.json"), configSchema, given.config);
  const { max_parallel: degrees, seq_len: cells } = config;
  const policy = new ClassicPolicy(new BlankInitializer(device), {
    state: config.state_dim,
    hidden: config.hidden_dim,
    degrees,
    cells,
  });
  loadParameters(policy, given.weights);
  const states = inputOf(given, "state"), painted = inputOf(given, "generated_mask");
  const degree = inputOf(given, "degree"), positions = inputOf(given, "positions");

  const batch = degree.data.length;
  const free = Int32Array.from(painted.data, (is) => is ? 0 : 1);
  const remaining = (b: number) => free.subarray(b * cells, (b + 1) * cells).reduce((a, b) => a + b, 0);
  const fits = Int32Array.from(
    { length: batch * degrees },
    (_, i) => i % degrees < remaining(Math.floor(i / degrees)) ? 1 : 0,
  );
  const valid = { degrees: device.tensor(fits, [batch, degrees]), cells: device.tensor(free, painted.shape) };
  const heads = policy.forward(device.tensor(Float32Array.from(states.data), states.shape), valid);
  const logProb = jointLogProb(decisionLogProbs(heads, {
    degree: device.tensor(Int32Array.from(degree.data, (d) => d - 1)),
    picks: device.tensor(Int32Array.from(positions.data), positions.shape),
  }));

  const parameters = policy.parameters();
  const grads = gradients(sum(logProb), [...parameters.values()]);
  const outputs: [string, Tensor][] = [
    ["degree_log_probs", logSoftmax(heads.degreeLogits)],
    ["position_scores", heads.scores],
    ["degree_entropy", entropy(heads.degreeLogits)],
    ["logprob", logProb],
    ...[...parameters.keys()].map((name, i): [string, Tensor] => [`grad.${name}`, grads[i]!]),
  ];
  const values = await device.read(outputs.map(([, tensor]) => tensor));
  return new Map(outputs.map(([name, { shape }], i) => [name, { shape, data: values[i]! }]));
}
