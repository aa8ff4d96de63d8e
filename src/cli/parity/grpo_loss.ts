import { join } from "node:path";
import { z } from "zod";
import { groupAdvantage } from "../../ops/group_advantage.ts";
import { grpoLoss, grpoStatistics } from "../../ops/grpo_loss.ts";
import { sum } from "../../ops/reduce.ts";
import { tokenWeights } from "../../rl/token_weights.ts";
import type { Device } from "../../tensor/device.ts";
import type { HostTensor } from "../../tensor/host_tensor.ts";
import { gradients } from "../../tensor/tape.ts";
import { inputOf, parseFields, type ReferenceCase } from "./reference_case.ts";

const paramsSchema = z.object({
  group_size: z.int().positive(),
  advantage: z.enum(["mean", "mean_std", "rloo", "batch"]),
  clip_low: z.number(),
  clip_high: z.number(),
  beta: z.number(),
  normalisation: z.enum(["sequence_mean", "token_mean", "constant_length"]),
  constant_length: z.number().positive().optional(),
  delta: z.number().positive().optional(),
  kl_estimator: z.enum(["k2", "k3"]).default("k3"),
});

/** The references do not cut advantages. */
const unlimited = 1e30;

/**
 * `grpo.loss` of N sequences of T tokens. Gives `advantage` `[N]`, `loss`, `grad.logp_new` `[N, T]`, and the means over
 * the tokens of the mask `kl` (k3) and `clip_fraction`.
 */
export async function runGrpoLoss(device: Device, given: ReferenceCase): Promise<Map<string, HostTensor>> {
  const params = parseFields(join(given.folder, "case.json"), paramsSchema, given.params);
  const { group_size: groupSize, advantage: form, clip_low: clipLow, clip_high: clipHigh, beta, delta } = params;
  const mask = inputOf(given, "mask");
  const upload = ({ data, shape }: HostTensor) => device.tensor(Float32Array.from(data), shape);
  const { advantage } = groupAdvantage(upload(inputOf(given, "rewards")), { groupSize, form, limit: unlimited });
  const weight = tokenWeights(
    Float32Array.from(mask.data),
    mask.shape[1] ?? 1,
    params.normalisation,
    params.constant_length,
  );
  const tokens = {
    logpNew: upload(inputOf(given, "logp_new")),
    logpOld: upload(inputOf(given, "logp_old")),
    logpRef: upload(inputOf(given, "logp_ref")),
    advantage,
    weight: device.tensor(weight, mask.shape),
  };
  tokens.logpNew.requiresGrad = true;
  const range = { clipLow, clipHigh };
  const klEstimator = params.kl_estimator;
  const loss = sum(grpoLoss(tokens, { ...range, beta, klEstimator, ...(delta === undefined ? {} : { delta }) }));
  const [grad] = gradients(loss, [tokens.logpNew]);
  const [a, l, g, statistics] = await device.read([advantage, loss, grad!, grpoStatistics(tokens, range)]);
  return new Map<string, HostTensor>([
    ["advantage", { shape: advantage.shape, data: a! }],
    ["loss", { shape: [1], data: l! }],
    ["grad.logp_new", { shape: mask.shape, data: g! }],
    ["kl", { shape: [1], data: statistics!.slice(0, 1) }],
    ["clip_fraction", { shape: [1], data: statistics!.slice(1, 2) }],
  ]);
}
