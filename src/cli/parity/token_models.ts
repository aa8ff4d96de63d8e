/** What the cases of ARPG and LlamaGen share: how they spell sizes, and inputs of ids. */
import { join } from "node:path";
import { z } from "zod";
import type { TokenModelConfig } from "../../models/token_model_sizes.ts";
import type { Device } from "../../tensor/device.ts";
import type { Tensor } from "../../tensor/tensor.ts";
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

/** The sizes of a case's model, which both families have. */
export function sizesOf({ folder, config }: ReferenceCase): TokenModelConfig {
  const sizes = parseFields(join(folder, "case.json"), configSchema, config);
  return {
    dim: sizes.dim,
    layers: sizes.n_layer,
    heads: sizes.n_head,
    multiple_of: sizes.multiple_of,
    vocab: sizes.vocab_size,
    classes: sizes.num_classes,
    cells: sizes.block_size,
  };
}

/** An input of ids on the device. */
export function idsOf(device: Device, given: ReferenceCase, name: string): Tensor {
  const { data, shape } = inputOf(given, name);
  return device.tensor(Int32Array.from(data), shape);
}
