import { extname } from "node:path";
import { UserError } from "../error.ts";
import { type ByteSource, FileSource } from "./byte_source.ts";
import { safetensorsContent } from "./safetensors.ts";
import { torchContent } from "./torch_checkpoint.ts";
import type { WeightContent } from "./weight_content.ts";

/** An open weight file. Close it, or declare it with `using`. */
export interface WeightFile extends WeightContent, Disposable {
  /** As it was named when opened. */
  readonly path: string;
  /** Closes the file; nothing can be read afterwards. */
  close(): void;
}

/**
 * Opens a weight file without reading its tensors: `.safetensors`, or a PyTorch checkpoint `.pt`, `.pth` or `.bin`.
 * Everything but the elements is checked: UserError, in one line with the file and the reason, for a file that is
 * missing, malformed or of another kind. Nothing in it is executed and no size in it is trusted.
 */
export async function openWeights(path: string): Promise<WeightFile> {
  switch (extname(path).toLowerCase()) {
    case ".safetensors":
      return await openSafetensors(path);
    case ".pt":
    case ".pth":
    case ".bin":
      return await openTorchCheckpoint(path);
    default:
      throw new UserError(`Cannot read weights from ${path}: wanted a .safetensors, .pt, .pth or .bin file`);
  }
}

/** {@link openWeights} for a safetensors file, whatever its extension. */
export async function openSafetensors(path: string): Promise<WeightFile> {
  return await open(path, safetensorsContent);
}

/** {@link openWeights} for a PyTorch checkpoint, whatever its extension. */
export async function openTorchCheckpoint(path: string): Promise<WeightFile> {
  return await open(path, torchContent);
}

async function open(path: string, contentOf: (source: ByteSource) => WeightContent): Promise<WeightFile> {
  const source = await FileSource.open(path);
  try {
    const content = contentOf(source);
    const close = () => source.close();
    return {
      path,
      entries: content.entries,
      metadata: content.metadata,
      read: (name) => content.read(name),
      close,
      [Symbol.dispose]: close,
    };
  } catch (cause) {
    source.close();
    throw cause;
  }
}
