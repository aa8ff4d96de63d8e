/**
 * Weights in several files: an index `{"metadata": {"total_size": ..}, "weight_map": {tensor: shard}}` in JSON beside the
 * shards, each a weight file of its own. Large models are published so: https://huggingface.co/docs/transformers/big_models
 */
import { UserError } from "../error.ts";
import type { ByteSource } from "./byte_source.ts";
import { quoted } from "./quoted.ts";
import { isRecord, parseStrictJson } from "./strict_json.ts";
import { entryOf, type WeightContent, type WeightEntry } from "./weight_content.ts";

/** What an index says. */
export interface WeightIndex {
  /** The shard of each tensor, in the file's order. */
  readonly shardOf: ReadonlyMap<string, string>;
  /** The names of the shards, files in the index's own folder. */
  readonly shards: ReadonlySet<string>;
  /** Numbers, texts and switches beside the map. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Room for 200,000 tensors with long names. */
const maxIndexBytes = 2 ** 25;
/** All are open at a time, and systems often grant a program no more than a thousand. */
const maxShards = 500;

/**
 * Reads an index. Throws UserError, naming the file and the reason, for anything else than the map, and for shards that
 * are not files of the same folder.
 */
export function readWeightIndex(source: ByteSource): WeightIndex {
  const fail = failing(source.name);
  if (source.size > maxIndexBytes) throw fail(`it has ${source.size} bytes, more than the ${maxIndexBytes} allowed`);
  const parsed = parseStrictJson(source.read(0, source.size), "it", fail);
  if (!isRecord(parsed) || !isRecord(parsed.weight_map)) throw fail("it has no weight_map of tensors to files");
  const { weight_map, metadata = {} } = parsed;
  if (!isRecord(metadata)) throw fail("its metadata is not an object");
  const shardOf = new Map<string, string>(), shards = new Set<string>();
  for (const [name, shard] of Object.entries(weight_map)) {
    if (typeof shard !== "string") {
      throw fail(`tensor ${quoted(name)}: wanted the name of a file, got ${quoted(shard)}`);
    }
    if (!isFileName(shard)) {
      throw fail(
        `tensor ${quoted(name)} lies in ${
          quoted(shard)
        }; wanted the name of a .safetensors, .pt, .pth or .bin file in ` +
          "the index's own folder, without a path",
      );
    }
    shardOf.set(name, shard);
    shards.add(shard);
  }
  if (shards.size > maxShards) throw fail(`it names ${shards.size} files, more than the ${maxShards} allowed`);
  return { shardOf, shards, metadata: textsOf(metadata) };
}

/**
 * The shards of an index as one: of each only the tensors that the map puts there.
 *
 * @param shards by name, all that the index names.
 * @param file the index, for errors.
 * @throws {UserError} for a tensor that its shard lacks, or that another shard holds too.
 */
export function joinShards(
  { shardOf, metadata }: WeightIndex,
  shards: ReadonlyMap<string, WeightContent>,
  file: string,
): WeightContent {
  const fail = failing(file);
  for (const [shard, { entries }] of shards) {
    for (const name of entries.keys()) {
      const wanted = shardOf.get(name);
      if (wanted === undefined || wanted === shard) continue;
      throw fail(`tensor ${quoted(name)} lies in ${quoted(wanted)} by the map, but ${quoted(shard)} holds one too`);
    }
  }
  const entries = new Map<string, WeightEntry>();
  for (const [name, shard] of shardOf) {
    const entry = shards.get(shard)!.entries.get(name);
    if (!entry) throw fail(`tensor ${quoted(name)} is not in ${quoted(shard)}, where the map puts it`);
    entries.set(name, entry);
  }
  const told = [...shards.values()].flatMap((shard) => Object.entries(shard.metadata));
  return {
    entries,
    metadata: Object.fromEntries([...told, ...Object.entries(metadata)]),
    read: (name) => shards.get(entryOf(shardOf, name, file))!.read(name),
  };
}

/** The error of an index whose shard cannot be opened because it is not there. */
export function missingShard(file: string, shard: string, cause: unknown): UserError {
  return failing(file)(`its shard ${quoted(shard)} is not there; fetch it into the same folder`, cause);
}

/** Whether a name stays in its folder on every system: no separators, drives or parents. */
function isFileName(name: string): boolean {
  return /^[^/\\:\p{Cc}]+\.(safetensors|bin|pt|pth)$/iu.test(name);
}

function textsOf(metadata: Readonly<Record<string, unknown>>): Record<string, string> {
  const texts = Object.entries(metadata)
    .filter(([, value]) => ["string", "number", "boolean"].includes(typeof value))
    .map(([key, value]) => [key, String(value)]);
  return Object.fromEntries(texts);
}

function failing(file: string) {
  return (reason: string, cause?: unknown) =>
    new UserError(`Cannot read ${file} as an index of weights: ${reason}`, { cause });
}
