import type { HostTensor } from "../tensor/host_tensor.ts";
import { readAll } from "./weight_content.ts";
import { openWeights } from "./weight_file.ts";

/** All tensors of a weight file by name; {@link openWeights} reads them one at a time. Throws UserError as it does. */
export async function readWeights(path: string): Promise<Map<string, HostTensor>> {
  using file = await openWeights(path);
  return readAll(file);
}
