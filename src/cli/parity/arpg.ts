import { join } from "node:path";
import { z } from "zod";
import { Arpg } from "../../models/arpg.ts";
import { Initializer } from "../../nn/init.ts";
import { loadParameters } from "../../nn/module.ts";
import type { Device } from "../../tensor/device.ts";
import type { HostTensor } from "../../tensor/host_tensor.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { meanLoss } from "./mean_loss.ts";
import { inputOf, parseFields, type ReferenceCase } from "./reference_case.ts";

const count = z.int().positive();
const configSchema = z.object({
  dim: count,
  n_layer: count,
  n_head: count,
  multiple_of: count,
  vocab_size: count,
  num_classes: count,
  block_size: count,
});

/** The model of a case with its weights. */
export function arpgOf(device: Device, given: ReferenceCase): Arpg {
  const config = parseFields(join(given.folder, "case.json"), configSchema, given.config);
  const model = new Arpg(new Initializer(device, 0), {
    dim: config.dim,
    layers: config.n_layer,
    heads: config.n_head,
    multiple_of: config.multiple_of,
    vocab: config.vocab_size,
    classes: config.num_classes,
    cells: config.block_size,
    position: "none",
  });
  loadParameters(model, given.weights);
  return model;
}

/** An input of ids on the device. */
export function idsOf(device: Device, given: ReferenceCase, name: string): Tensor {
  const { data, shape } = inputOf(given, name);
  return device.tensor(Int32Array.from(data), shape);
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
