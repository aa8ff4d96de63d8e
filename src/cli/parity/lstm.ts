import { join } from "node:path";
import { z } from "zod";
import { LstmGenerator } from "../../models/lstm_generator.ts";
import { Initializer } from "../../nn/init.ts";
import { loadParameters } from "../../nn/module.ts";
import type { Device } from "../../tensor/device.ts";
import type { HostTensor } from "../../tensor/host_tensor.ts";
import { meanLoss } from "./mean_loss.ts";
import { inputOf, parseFields, type ReferenceCase } from "./reference_case.ts";

const configSchema = z.object({
  hidden_dim: z.int().positive(),
  num_layers: z.int().positive(),
  vocab_size: z.int().positive(),
});

/**
 * `lstm.forward`: embedding, LSTM and output layer over `inputs` `[B, T]`. Gives `logits`, the last states `hidden` and
 * `cell` of all layers `[L, B, H]` and, with `targets`, the mean cross entropy `loss` and its `grad.<weight>`.
 */
export async function runLstm(device: Device, given: ReferenceCase): Promise<Map<string, HostTensor>> {
  const config = parseFields(join(given.folder, "case.json"), configSchema, given.config);
  const inputs = inputOf(given, "inputs");
  const model = new LstmGenerator(new Initializer(device, 0), {
    levels: config.vocab_size,
    classes: 0,
    pixels: inputs.shape[1] ?? 1,
    hidden: config.hidden_dim,
    layers: config.num_layers,
    input: "plain",
  });
  loadParameters(model, given.weights);
  const { logits, state } = model.forward(device.tensor(Int32Array.from(inputs.data), inputs.shape), null);
  const [scores, ...states] = await device.read([logits, ...state.h, ...state.c]);
  const { length } = state.h;
  const stack = (parts: readonly ArrayLike<number>[]): HostTensor => ({
    shape: [length, ...state.h[0]!.shape],
    data: Float32Array.from(parts.flatMap((part) => [...Array.from(part)])),
  });
  return new Map([
    ["logits", { shape: logits.shape, data: scores! }],
    ["hidden", stack(states.slice(0, length))],
    ["cell", stack(states.slice(length))],
    ...await meanLoss(model, logits, given.inputs.get("targets")),
  ]);
}
