import { z } from "zod";
import type { Peak } from "./peak.ts";
import type { SuiteResult } from "./suite.ts";
import { UserError } from "../src/error.ts";
import type { KernelTable } from "../src/gpu/kernel_table.ts";

/** A run of the benchmarks, as it is kept in `bench/results/`. */
export interface BenchRecord {
  readonly command: string;
  /** `2026-11-25`. */
  readonly date: string;
  readonly adapter: string;
  /** Which kernels heavy ops ran: the defaults, or what `deno task tune` kept. */
  readonly kernels: KernelTable;
  /** Null where the system does not say. */
  readonly driver: string | null;
  readonly cores: number;
  /** Of the last minute, before the run: what else the machine was doing. */
  readonly load_average_before: number;
  readonly deno: string;
  readonly version: string;
  readonly commit: string | null;
  readonly peers: readonly { readonly name: string; readonly version: string }[];
  readonly quick: boolean;
  readonly peak: Peak;
  readonly seconds: number;
  readonly suites: Readonly<Record<string, SuiteResult>>;
}

/** What a comparison needs of a record. */
const comparable = z.object({
  date: z.string(),
  adapter: z.string(),
  version: z.string(),
  quick: z.boolean(),
  suites: z.record(
    z.string(),
    z.object({
      rows: z.array(z.object({
        name: z.string(),
        timings: z.object({ stipple: z.object({ wall: z.number().positive(), spread: z.number().nonnegative() }) }),
      })),
    }),
  ),
});

/** A record as far as comparisons need it. */
export type Comparable = z.infer<typeof comparable>;

/** Reads a record. @throws {UserError} for another file. */
export async function readRecord(path: string): Promise<Comparable> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    throw new UserError(`Cannot read ${path}: ${error instanceof Error ? error.message : error}`);
  }
  return parseRecord(text, path);
}

/** The record in a text; `path` is for the error. */
export function parseRecord(text: string, path: string): Comparable {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UserError(`Cannot read ${path}: it is not JSON; wanted a file of deno task bench --json`);
  }
  const { data, error } = comparable.safeParse(value);
  if (data) return data;
  const { path: place, message } = error.issues[0]!;
  throw new UserError(
    `Cannot read ${path}: ${place.join(".") || "the file"}: ${message}; wanted a file of deno task bench --json`,
  );
}
