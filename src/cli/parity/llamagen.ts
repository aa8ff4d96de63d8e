import { join } from "node:path";
import { z } from "zod";
import { LlamaGen } from "../../models/llamagen.ts";
import { BlankInitializer } from "../../nn/init.ts";
import { loadParameters } from "../../nn/module.ts";
import type { Device } from "../../tensor/device.ts";
import type { HostTensor } from "../../tensor/host_tensor.ts";
import { meanLoss } from "./mean_loss.ts";
import { inputOf, parseFields, type ReferenceCase } from "./reference_case.ts";
import { idsOf, sizesOf } from "./token_models.ts";

const paramsSchema = z.object({
  guidance_scale: z.number().default(1),
  temperature: z.number().nonnegative().default(1),
  top_k: z.int().nonnegative().nullish(),
  top_p: z.number().positive().max(1).nullish(),
});

/** The model of a case with its weights. */
function llamaGenOf(device: Device, given: ReferenceCase): LlamaGen {
  const model = new LlamaGen(new BlankInitializer(device), sizesOf(given));
  loadParameters(model, given.weights);
  return model;
}

/**
 * `llamagen.forward`: `logits` `[B, T, V]` of teacher forcing over `tokens` and `classes`, the mean cross entropy `loss`
 * and its `grad.<weight>`.
 */
export async function runLlamaGenForward(device: Device, given: ReferenceCase): Promise<Map<string, HostTensor>> {
  const model = llamaGenOf(device, given);
  const logits = model.forward(idsOf(device, given, "tokens"), idsOf(device, given, "classes"));
  return new Map([
    ["logits", { shape: logits.shape, data: await logits.data() }],
    ...await meanLoss(model, logits, inputOf(given, "tokens")),
  ]);
}

/**
 * `llamagen.generate`: `tokens` `[B, T]` of raster decoding for `classes` and the `guided_logits` `[B, T, V]` that they
 * were taken from. A reference agrees where nothing is random: top-k of 1, or temperature 0.
 */
export async function runLlamaGenGenerate(device: Device, given: ReferenceCase): Promise<Map<string, HostTensor>> {
  const params = parseFields(join(given.folder, "case.json"), paramsSchema, given.params);
  const { guidance_scale: guidance, temperature, top_k: topK, top_p: topP } = params;
  const model = llamaGenOf(device, given);
  const classes = idsOf(device, given, "classes");
  const rows = device.tensor(Int32Array.from({ length: classes.size }, (_, row) => row));
  const { tokens, logits } = model.generate(classes, rows, {
    guidance,
    temperature,
    ...(topK ? { topK } : {}),
    ...(topP ? { topP } : {}),
    key: { seed: 0, stream: 0, purpose: 0 },
    keepLogits: true,
  });
  const [ids, scores] = await device.read([tokens, logits!]);
  return new Map([
    ["tokens", { shape: tokens.shape, data: ids! }],
    ["guided_logits", { shape: logits!.shape, data: scores! }],
  ]);
}
