import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { OpenedAdapter } from "../gpu/adapter.ts";
import { defaultTable, familyRuns, kernelFamilies, type KernelTable } from "../gpu/kernel_table.ts";
import { writeFileAtomic } from "../io/atomic.ts";
import { quoted } from "../io/quoted.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import { version } from "./environment.ts";
import { noteLine } from "./terminal.ts";

const location = new URL("../../.cache/kernels.json", import.meta.url);

/** Where `deno task tune` leaves its choices: in the checkout; null where this is a package from elsewhere. */
export const tuningPath: string | null = location.protocol === "file:" ? fileURLToPath(location) : null;

/** What a choice holds for: the adapter as its driver names it, this version, this runtime. */
export function tuningKey({ name, device }: OpenedAdapter): string {
  const { vendor, architecture, description } = device.adapterInfo;
  return [name, vendor, architecture, description, `Stipple ${version}`, `Deno ${Deno.version.deno}`].join("; ");
}

/**
 * The kernels that `deno task tune` chose for an adapter, or the defaults of its class. A file that cannot be used is
 * ignored with one line.
 */
export async function tunedTable(
  adapter: OpenedAdapter,
  path: string | null = tuningPath,
  note: (line: string) => void = noteLine,
): Promise<KernelTable> {
  try {
    const table = (await readChoices(path))[tuningKey(adapter)];
    return table === undefined ? defaultTable(adapter) : checked(table, adapter);
  } catch (cause) {
    note(`Ignoring ${path}: ${quoted((cause as Error).message)}; deno task tune writes it anew`);
    return defaultTable(adapter);
  }
}

/**
 * The kernels that a run was started with: it goes on bit for bit whatever `tune` has chosen since. Those of `tunedTable`
 * for a run of another adapter, or of a version that kept none.
 */
export async function tableOfRun(
  run: RunDirectory,
  adapter: OpenedAdapter,
  path: string | null = tuningPath,
  note: (line: string) => void = noteLine,
): Promise<KernelTable> {
  const kept = await run.kernels(adapter.name);
  if (kept === undefined) return await tunedTable(adapter, path, note);
  try {
    return checked(kept, adapter);
  } catch (cause) {
    const reason = quoted((cause as Error).message);
    note(`Ignoring the kernels in ${run.path}/environment.json: ${reason}; the run may go on with other roundings`);
    return await tunedTable(adapter, path, note);
  }
}

/** Adds the choice for an adapter to the file, or replaces it. What the file held for others stays, if it was sound. */
export async function saveTable(adapter: OpenedAdapter, table: KernelTable, path: string): Promise<void> {
  const others = await readChoices(path).catch(() => ({}));
  await Deno.mkdir(dirname(path), { recursive: true });
  const text = JSON.stringify({ ...others, [tuningKey(adapter)]: table }, null, 2);
  await writeFileAtomic(path, new TextEncoder().encode(`${text}\n`));
}

/** Most bytes of a file that is believed to be one of ours. */
const mostBytes = 1e6;

/** Choices by key; none where there is no file, or no permission to look. */
async function readChoices(path: string | null): Promise<Record<string, unknown>> {
  let text: string;
  try {
    if (path === null) return {};
    if ((await Deno.stat(path)).size > mostBytes) throw new Error(`wanted at most ${mostBytes} bytes`);
    text = await Deno.readTextFile(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotCapable) return {};
    throw cause;
  }
  const choices: unknown = JSON.parse(text);
  if (typeof choices !== "object" || choices === null || Array.isArray(choices)) {
    throw new Error("wanted choices by adapter");
  }
  return choices as Record<string, unknown>;
}

/** @throws {Error} for what is not a table of families that run on the adapter. */
function checked(table: unknown, adapter: OpenedAdapter): KernelTable {
  const given = Object(table) as Record<string, unknown>;
  for (const [op, families] of Object.entries(kernelFamilies)) {
    const family = families.find((each) => each === given[op]);
    if (!family || !familyRuns(family, adapter)) {
      throw new Error(`wanted one of ${families.join(", ")} for ${op}, got ${given[op]}`);
    }
  }
  return given as KernelTable;
}
