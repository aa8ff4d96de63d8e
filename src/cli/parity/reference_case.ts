import { join } from "node:path";
import { z } from "zod";
import { describeIssue } from "../../config/describe_issue.ts";
import { UserError } from "../../error.ts";
import { readBytes } from "../../io/file_error.ts";
import { readSafetensors } from "../../io/safetensors.ts";
import { readWeights } from "../../io/weights.ts";
import type { HostTensor } from "../../tensor/host_tensor.ts";

const caseSchema = z.object({
  kind: z.string(),
  config: z.record(z.string(), z.unknown()).default({}),
  params: z.record(z.string(), z.unknown()).default({}),
  tolerance: z.number().nonnegative(),
  weights: z.string().optional(),
});

/** Numbers of an independent reference: what was computed, from what, and what came out. */
export interface ReferenceCase {
  readonly folder: string;
  /** What was computed, such as `lstm.forward`. */
  readonly kind: string;
  /** Sizes of the model. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Options of the call. */
  readonly params: Readonly<Record<string, unknown>>;
  /** Allowed error, times max(1, max |expected|). */
  readonly tolerance: number;
  readonly inputs: ReadonlyMap<string, HostTensor>;
  readonly outputs: ReadonlyMap<string, HostTensor>;
  /** Empty where the case has none. */
  readonly weights: ReadonlyMap<string, HostTensor>;
}

/**
 * The case folders that `folder` stands for: itself, or the folders in it, by name.
 *
 * @throws {UserError} where there is no case.
 */
export async function findCases(folder: string): Promise<string[]> {
  const inner: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      if (name === "case.json") return [folder];
      if (await isFile(join(folder, name, "case.json"))) inner.push(join(folder, name));
    }
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) {
      throw new UserError(`Cannot check ${folder}: there is no such folder`);
    }
    throw cause;
  }
  if (inner.length === 0) {
    throw new UserError(`Cannot check ${folder}: wanted a folder with case.json, or a folder of such folders`);
  }
  return inner.sort();
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

/** Reads the case in `folder`. @throws {UserError} for a file that is missing or malformed. */
export async function readCase(folder: string): Promise<ReferenceCase> {
  const file = join(folder, "case.json");
  const { weights, ...described } = parseFields(file, caseSchema, parseJson(file, await readBytes(file)));
  const [inputs, outputs] = await Promise.all(
    ["inputs", "outputs"].map(async (name) => (await readSafetensors(join(folder, `${name}.safetensors`))).tensors),
  ) as [Map<string, HostTensor>, Map<string, HostTensor>];
  return {
    ...described,
    folder,
    inputs,
    outputs,
    weights: weights ? await readWeights(join(folder, weights)) : new Map(),
  };
}

function parseJson(file: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new UserError(`Cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
}

/** The fields of `schema` in `value`; others are ignored. @throws {UserError} naming `where` and the field. */
export function parseFields<T>(where: string, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value, { error: describeIssue, reportInput: true });
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  throw new UserError(`Cannot read ${where}: ${path.length ? `${path.join(".")}: ` : ""}${message}`);
}

/** The input `name`. @throws {UserError} where the case has none. */
export function inputOf({ kind, inputs }: ReferenceCase, name: string): HostTensor {
  const found = inputs.get(name);
  if (found) return found;
  throw new UserError(
    `Cannot run ${kind}: it needs the input ${name}; ` +
      `inputs.safetensors has ${[...inputs.keys()].join(", ")}`,
  );
}
