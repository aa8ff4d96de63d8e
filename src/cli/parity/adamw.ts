import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../error.ts";
import { AdamW } from "../../optim/adamw.ts";
import type { Device } from "../../tensor/device.ts";
import type { HostTensor } from "../../tensor/host_tensor.ts";
import { showShape } from "../../tensor/shape.ts";
import { inputOf, parseFields, type ReferenceCase } from "./reference_case.ts";

const paramsSchema = z.object({
  learning_rate: z.number(),
  betas: z.tuple([z.number(), z.number()]),
  eps: z.number(),
  weight_decay: z.number(),
  max_grad_norm: z.number().nullish(),
});

/**
 * `optimizer.adamw`: a step for each row of `grads` `[S, P]`, which holds the gradients of `param.0`, `param.1`, ... one
 * after the other. Gives the parameters after the last step and the `grad_norm` `[S]` before clipping.
 */
export async function runAdamW(device: Device, given: ReferenceCase): Promise<Map<string, HostTensor>> {
  const params = parseFields(join(given.folder, "case.json"), paramsSchema, given.params);
  const grads = inputOf(given, "grads");
  inputOf(given, "param.0");
  const starts: HostTensor[] = [];
  for (let i = 0; given.inputs.has(`param.${i}`); i++) starts.push(given.inputs.get(`param.${i}`)!);
  const width = starts.reduce((sum, { data }) => sum + data.length, 0);
  const [steps = 0] = grads.shape;
  if (grads.data.length !== steps * width) {
    throw new UserError(
      `Cannot run ${given.kind}: grads must have shape ${showShape([steps, width])}, ` +
        `one column for each element of the parameters, got ${showShape(grads.shape)}`,
    );
  }
  const parameters = starts.map(({ data, shape }) => device.parameter(Float32Array.from(data), shape));
  const optimizer = new AdamW(device, parameters, {
    betas: params.betas,
    eps: params.eps,
    weightDecay: params.weight_decay,
    maxGradNorm: params.max_grad_norm ?? Infinity,
  });
  optimizer.learningRate.value = params.learning_rate;
  const norms = new Float32Array(steps);
  for (let t = 0, at = 0; t < steps; t++) {
    using _scope = device.scope();
    optimizer.advance();
    optimizer.step(
      parameters.map(({ shape, size }) => device.tensor(Float32Array.from(grads.data.subarray(at, at += size)), shape)),
    );
    norms[t] = await optimizer.gradNorm.item();
  }
  const values = await device.read(parameters);
  return new Map([
    ...values.map((data, i): [string, HostTensor] => [`param.${i}`, { shape: starts[i]!.shape, data }]),
    ["grad_norm", { shape: [steps], data: norms }],
  ]);
}
