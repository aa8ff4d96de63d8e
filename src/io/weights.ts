import { extname } from "node:path";
import { UserError } from "../error.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import { readSafetensors } from "./safetensors.ts";
import { readTorchCheckpoint } from "./torch_checkpoint.ts";

/**
 * The tensors of a weight file by name: `.safetensors`, or a PyTorch checkpoint `.pt` / `.pth`. Throws UserError for
 * another extension and for what the readers refuse.
 */
export async function readWeights(path: string): Promise<Map<string, HostTensor>> {
  switch (extname(path).toLowerCase()) {
    case ".safetensors":
      return (await readSafetensors(path)).tensors;
    case ".pt":
    case ".pth":
      return await readTorchCheckpoint(path);
    default:
      throw new UserError(`Cannot read weights from ${path}: wanted a .safetensors, .pt or .pth file`);
  }
}
