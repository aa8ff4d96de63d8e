import { join } from "node:path";
import { z } from "zod";
import { Arpg } from "../../models/arpg.ts";
import { ArpgDecoder } from "../../models/arpg_decoder.ts";
import { decodeSchedules, groupSizes } from "../../models/decode_schedule.ts";
import { FrozenArpg } from "../../models/frozen_arpg.ts";
import { BlankInitializer } from "../../nn/init.ts";
import { loadParameters } from "../../nn/module.ts";
import type { Device } from "../../tensor/device.ts";
import type { HostTensor } from "../../tensor/host_tensor.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { meanLoss } from "./mean_loss.ts";
import { inputOf, parseFields, type ReferenceCase } from "./reference_case.ts";
import { idsOf, sizesOf } from "./token_models.ts";

const count = z.int().positive();
/** The model of a case with its weights. */
function arpgOf(device: Device, given: ReferenceCase): Arpg {
  const model = new Arpg(new BlankInitializer(device), { ...sizesOf(given), position: "none" });
  loadParameters(model, given.weights);
  return model;
}

/**
 * `arpg.forward`: `logits` of teacher forcing over `tokens`, `classes` and `order`, `[B, N, V]` in the order of
 * prediction, the mean cross entropy `loss` and its `grad.<weight>`.
 */
export async function runArpgForward(device: Device, given: ReferenceCase): Promise<Map<string, HostTensor>> {
  const model = arpgOf(device, given);
  const [tokens, classes, order] = ["tokens", "classes", "order"].map((name) => idsOf(device, given, name));
  const { logits, targets } = model.forward(tokens!, classes!, order!);
  return new Map([
    ["logits", { shape: logits.shape, data: await logits.data() }],
    ...await meanLoss(model, logits, { shape: targets.shape, data: await targets.data() }),
  ]);
}

/** `arpg.parallel_logprob`: `logprob` `[B, N]` of the tokens, each in the `step` in which it was decoded. */
export async function runArpgLogProbs(device: Device, given: ReferenceCase): Promise<Map<string, HostTensor>> {
  const model = arpgOf(device, given);
  const [tokens, classes, order, steps] = ["tokens", "classes", "order", "step"].map((name) =>
    idsOf(device, given, name)
  );
  const logprob = device.noGrad(() => model.parallelLogProbs(tokens!, classes!, order!, steps!));
  return new Map([["logprob", { shape: logprob.shape, data: await logprob.data() }]]);
}

const generateSchema = z.object({
  steps: count,
  guidance_scale: z.number(),
  cfg_schedule: z.enum(["constant", "linear"]),
  sample_schedule: z.enum(decodeSchedules),
  temperature: z.number().nonnegative(),
  top_k: z.int().nonnegative(),
});

/**
 * `arpg.generate`: parallel decoding with caches. Gives `tokens` `[B, N]` in raster order, `tokens_per_step` and the
 * `guided_logits` `[B, N, V]` in the order of prediction.
 */
export async function runArpgGenerate(device: Device, given: ReferenceCase): Promise<Map<string, HostTensor>> {
  const params = parseFields(join(given.folder, "case.json"), generateSchema, given.params);
  const model = arpgOf(device, given);
  const { vocab, cells } = model.config;
  const classes = Int32Array.from(inputOf(given, "classes").data), batch = classes.length;
  const order = inputOf(given, "order");
  const orders = order.shape.length === 2
    ? Int32Array.from(order.data)
    : Int32Array.from({ length: batch * cells }, (_, i) => order.data[i % cells]!);
  const groups = groupSizes(params.sample_schedule, params.steps, cells);
  const steps: { logits: Tensor; places: number[] }[] = [];
  let painted = 0;
  const frozen = await FrozenArpg.of(model);
  using decoder = new ArpgDecoder(frozen, {
    batch,
    plan: { groups },
    guidance: { scale: params.guidance_scale, form: params.cfg_schedule },
    temperature: params.top_k === 1 ? 0 : params.temperature,
    ...(params.top_k > 1 ? { topK: params.top_k } : {}),
    inspect: (step, logits) => {
      const places = Array.from({ length: groups[step]! }, (_, i) => painted + i);
      painted += groups[step]!;
      steps.push({ logits: logits, places });
    },
  });
  const { tokens } = decoder.decode({ classes, order: orders, samples: Int32Array.from(classes.keys()), seed: 0 });
  const [ids, ...rows] = await device.read([tokens, ...steps.map(({ logits }) => logits)]);
  const guided = new Float32Array(batch * cells * vocab);
  steps.forEach(({ logits, places }, t) => {
    const cols = logits.shape[1]!;
    for (let row = 0; row < batch * places.length; row++) {
      const sample = Math.floor(row / places.length), place = places[row % places.length]!;
      guided.set(rows[t]!.subarray(row * cols, row * cols + vocab) as Float32Array, (sample * cells + place) * vocab);
    }
  });
  frozen.dispose();
  return new Map<string, HostTensor>([
    ["tokens", { shape: [batch, cells], data: ids! }],
    ["tokens_per_step", { shape: [groups.length], data: Int32Array.from(groups) }],
    ["guided_logits", { shape: [batch, cells, vocab], data: guided }],
  ]);
}
