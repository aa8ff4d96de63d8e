import type { Command } from "commander";
import { join } from "node:path";
import { comparePage } from "./compare.ts";
import { driverVersion } from "./driver_version.ts";
import { measurePeak } from "./peak.ts";
import type { OpenPeer, Peer } from "./peer.ts";
import type { Pace } from "./race.ts";
import { type BenchRecord, readRecord } from "./record.ts";
import type { Row, Suite, SuiteResult } from "./suite.ts";
import { decode } from "./suites/decode.ts";
import { kernels } from "./suites/kernels.ts";
import { scaling } from "./suites/scaling.ts";
import { steps } from "./suites/steps.ts";
import { recordPage, shortNumber } from "./table.ts";
import { currentCommit, version } from "../src/cli/environment.ts";
import { noteLine, printLine } from "../src/cli/terminal.ts";
import { tunedTable } from "../src/cli/tuning_file.ts";
import { UserError } from "../src/error.ts";
import { writeFileAtomic } from "../src/io/atomic.ts";
import { Device } from "../src/tensor/device.ts";

const suites: Readonly<Record<string, Suite>> = { kernels, steps, decode, scaling };
const peerFiles = ["tfjs", "jax", "onnx"];
const pace: Pace = { rounds: 5, milliseconds: 120 }, quickPace: Pace = { rounds: 1, milliseconds: 10 };

/** What `deno task bench` may be told. */
export interface BenchOptions {
  readonly suite?: readonly string[];
  readonly peers?: boolean;
  readonly quick?: boolean;
  readonly json?: string;
  readonly compare?: readonly string[];
}

/** Declares `deno task bench`; lines go to `print`. */
export function benchCommand(program: Command, print: (line: string) => void = printLine): void {
  program
    .description("Measures ops, training steps, decoding and scaling, and prints tables. Results are checked first.")
    .option("--suite <names...>", `some of ${Object.keys(suites).join(", ")}; all where left out`)
    .option("--peers", "run the same in TensorFlow.js, jax-js and ONNX Runtime Web (the first time loads 0.5 GB)")
    .option("--quick", "few repetitions: to see that everything runs, not how fast")
    .option("--json <file>", "write the results to a file, and their tables to one beside it that ends in .md")
    .option("--compare <files...>", "measure nothing: compare two files of --json")
    .action(async (options: BenchOptions) => {
      if (options.compare) return print(await compared(options.compare));
      const chosen = chosenSuites(options.suite);
      if (options.peers && !peersAreMapped()) return await runWithPeers();
      const record = await measure(chosen, options);
      print(recordPage(record));
      if (options.json) await save(options.json, record);
    });
}

async function compared(files: readonly string[]): Promise<string> {
  if (files.length !== 2) throw new UserError(`Cannot compare ${files.length} files: wanted two, before and after`);
  const [before, after] = await Promise.all(files.map(readRecord));
  return comparePage(before!, after!);
}

/** @throws {UserError} for a name that is no suite's. */
function chosenSuites(names: readonly string[] = Object.keys(suites)): [string, Suite][] {
  return names.map((name) => {
    const suite = suites[name];
    if (suite) return [name, suite];
    throw new UserError(`Cannot run suite ${name}: wanted some of ${Object.keys(suites).join(", ")}`);
  });
}

async function measure(
  chosen: readonly [string, Suite][],
  { peers: wantPeers = false, quick = false }: BenchOptions,
): Promise<BenchRecord> {
  const load = Deno.loadavg()[0]!;
  const device = await Device.open({ choose: tunedTable });
  const start = performance.now();
  const peers = wantPeers ? await openPeers() : [];
  const setting = { device, peers, pace: quick ? quickPace : pace, quick, report: noteRow };
  const peak = await measurePeak(device, setting.pace);
  const results: Record<string, SuiteResult> = {};
  for (const [name, suite] of chosen) {
    noteLine(`${name}:`);
    results[name] = await suite({ ...setting, peak });
  }
  return {
    command: `deno task bench ${Deno.args.join(" ")}`.trim(),
    date: new Date().toISOString().slice(0, 10),
    adapter: device.gpu.adapter.name,
    kernels: device.gpu.table,
    driver: await driverVersion(),
    cores: navigator.hardwareConcurrency,
    load_average_before: load,
    deno: Deno.version.deno,
    version,
    commit: await currentCommit(new URL("../", import.meta.url)),
    peers: peers.map(({ name, version }) => ({ name, version })),
    quick,
    peak,
    seconds: (performance.now() - start) / 1000,
    suites: results,
  };
}

function noteRow({ name, timings, refused = {} }: Row): void {
  const times = Object.entries(timings).map(([who, { wall }]) => `${who} ${shortNumber(wall)} ms`);
  const reasons = Object.entries(refused).map(([who, reason]) => `${who} not timed: ${reason}`);
  noteLine(`  ${name}: ${[...times, ...reasons].join(", ")}`);
}

/** Those that load here; a line for each that does not. */
async function openPeers(): Promise<Peer[]> {
  const peers: Peer[] = [];
  for (const file of peerFiles) {
    try {
      const { open } = await import(new URL(`peers/${file}.ts`, import.meta.url).href) as { open: OpenPeer };
      peers.push(await open());
    } catch (error) {
      noteLine(`peer ${file} skipped: ${String(error).split("\n")[0]}`);
    }
  }
  return peers;
}

/** Whether this process runs with the configuration that names the peers' packages. */
function peersAreMapped(): boolean {
  try {
    return Boolean(import.meta.resolve("@jax-js/jax"));
  } catch {
    return false;
  }
}

/**
 * The same command with the peers' configuration. Their packages stand in a lock file of their own, for Deno downloads
 * all of a lock file at once, and nobody who trains should wait for half a gigabyte of other libraries.
 */
async function runWithPeers(): Promise<void> {
  const here = new URL(".", import.meta.url).pathname;
  const permissions = ["--ignore-env", "--allow-read", "--allow-write", "--allow-sys=loadavg"];
  const args = ["run", "--config", join(here, "peers/deno.json"), ...permissions, join(here, "bench.ts"), ...Deno.args];
  const { code } = await new Deno.Command("deno", { args }).spawn().status;
  if (code !== 0) Deno.exit(code);
}

async function save(path: string, record: BenchRecord): Promise<void> {
  const encode = (text: string) => new TextEncoder().encode(text);
  await writeFileAtomic(path, encode(`${JSON.stringify(record, null, 1)}\n`));
  await writeFileAtomic(path.replace(/\.json$/, "") + ".md", encode(recordPage(record)));
}
