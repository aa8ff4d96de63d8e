import { dirname, extname, join } from "node:path";
import { UserError } from "../error.ts";
import { type ByteSource, FileSource } from "./byte_source.ts";
import { safetensorsContent } from "./safetensors.ts";
import { torchContent } from "./torch_checkpoint.ts";
import type { WeightContent } from "./weight_content.ts";
import { joinShards, missingShard, readWeightIndex } from "./weight_index.ts";

/** An open weight file. Close it, or declare it with `using`. */
export interface WeightFile extends WeightContent, Disposable {
  /** As it was named when opened. */
  readonly path: string;
  /** Closes the file; nothing can be read afterwards. */
  close(): void;
}

/** The end of the name of an index of weights. */
const indexEnd = ".index.json";

/**
 * Opens a weight file without reading its tensors: `.safetensors`, a PyTorch checkpoint `.pt`, `.pth` or `.bin`, or the
 * `.index.json` beside several such files, which read as one. Everything but the elements is checked: UserError, in one
 * line with the file and the reason, for a file that is missing, malformed or of another kind. Nothing in it is executed,
 * no size in it is trusted, and an index names no file outside its folder;
 * links that lie there are followed, as the caches of model hubs are made of them.
 */
export async function openWeights(path: string): Promise<WeightFile> {
  if (path.toLowerCase().endsWith(indexEnd)) return await openShards(path);
  switch (extname(path).toLowerCase()) {
    case ".safetensors":
      return await openSafetensors(path);
    case ".pt":
    case ".pth":
    case ".bin":
      return await openTorchCheckpoint(path);
    default:
      throw new UserError(
        `Cannot read weights from ${path}: wanted a .safetensors, .pt, .pth or .bin file, or the ${indexEnd} of such files`,
      );
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
    return weightFile(path, contentOf(source), () => source.close());
  } catch (cause) {
    source.close();
    throw cause;
  }
}

async function openShards(path: string): Promise<WeightFile> {
  const index = await readIndex(path);
  const shards = new Map<string, WeightFile>();
  const close = () => shards.forEach((shard) => shard.close());
  try {
    for (const name of index.shards) shards.set(name, await openShard(path, name));
    return weightFile(path, joinShards(index, shards, path), close);
  } catch (cause) {
    close();
    throw cause;
  }
}

async function readIndex(path: string) {
  using source = await FileSource.open(path);
  return readWeightIndex(source);
}

async function openShard(index: string, name: string): Promise<WeightFile> {
  try {
    return await openWeights(join(dirname(index), name));
  } catch (cause) {
    throw (cause as Error).cause instanceof Deno.errors.NotFound ? missingShard(index, name, cause) : cause;
  }
}

function weightFile(path: string, { entries, metadata, read }: WeightContent, close: () => void): WeightFile {
  return { path, entries, metadata, read, close, [Symbol.dispose]: close };
}
