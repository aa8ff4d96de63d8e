import { join } from "node:path";
import { UserError } from "../error.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import { readSafetensors, writeSafetensors } from "../io/safetensors.ts";
import type { Device } from "../tensor/device.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** How far a run is: so many steps of a phase are done, and so many lines of the metrics belong to them. */
export interface Position {
  readonly phase: string;
  readonly step: number;
  readonly lines: number;
}

/** What a run continues from. */
export interface SavedState extends Position {
  readonly tensors: ReadonlyMap<string, HostTensor>;
}

/** Bytes that come to the host together: an adapter may map no more than 1 or 2 GiB. */
const readTogether = 2 ** 29;

/** Copies tensors to the host, with one readback where they are not of gigabytes. */
export async function toHost(device: Device, tensors: ReadonlyMap<string, Tensor>): Promise<Map<string, HostTensor>> {
  const copied = new Map<string, HostTensor>();
  let together: [name: string, tensor: Tensor][] = [];
  const read = async () => {
    const data = await device.read(together.map(([, tensor]) => tensor));
    together.forEach(([name, { shape }], i) => copied.set(name, { shape, data: data[i]! }));
    together = [];
  };
  for (const entry of tensors) {
    const bytes = 4 * together.reduce((sum, [, { size }]) => sum + size, entry[1].size);
    if (bytes > readTogether && together.length) await read();
    together.push(entry);
  }
  if (together.length) await read();
  return copied;
}

/** Tensors under `<prefix>.<name>`. */
export function prefixed<T>(prefix: string, tensors: ReadonlyMap<string, T>): Map<string, T> {
  return new Map([...tensors].map(([name, tensor]) => [`${prefix}.${name}`, tensor]));
}

/** The tensors whose names begin with `<prefix>.`, without it. */
export function unprefixed<T>(prefix: string, tensors: ReadonlyMap<string, T>): Map<string, T> {
  const start = `${prefix}.`;
  return new Map(
    [...tensors].flatMap(([name, tensor]) => name.startsWith(start) ? [[name.slice(start.length), tensor]] : []),
  );
}

function statePath(run: RunDirectory): string {
  return join(run.checkpoints, "state.safetensors");
}

/** Writes the position and the tensors of a run as one file, atomically: a run killed at any moment can go on. */
export async function saveState(
  run: RunDirectory,
  device: Device,
  { phase, step, lines }: Position,
  tensors: ReadonlyMap<string, Tensor>,
): Promise<void> {
  const metadata = { phase, step: String(step), lines: String(lines) };
  await writeSafetensors(statePath(run), await toHost(device, tensors), metadata);
}

/**
 * Reads what `saveState` wrote; null for a run that was stopped before it saved anything.
 *
 * @throws {UserError} for a file of another kind.
 */
export async function loadState(run: RunDirectory): Promise<SavedState | null> {
  const path = statePath(run);
  if (!await exists(path)) return null;
  const { tensors, metadata } = await readSafetensors(path);
  const { phase, step, lines } = metadata;
  if (phase === undefined || !/^\d+$/.test(step ?? "") || !/^\d+$/.test(lines ?? "")) {
    throw new UserError(`Cannot resume from ${path}: it has no phase, step and lines; start a new run`);
  }
  return { phase, step: Number(step), lines: Number(lines), tensors };
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
