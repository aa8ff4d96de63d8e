/**
 * `deno task bench:arpg-l`: ARPG-L and VQ-16 at their published sizes with random weights, from files on disk to one
 * picture of 256 x 256, with time and memory of every phase.
 *
 * @module
 */
import type { Command } from "commander";
import { join } from "node:path";
import { runCommand } from "../src/cli/command.ts";
import { currentCommit, version } from "../src/cli/environment.ts";
import { printLine } from "../src/cli/terminal.ts";
import { tunedTable } from "../src/cli/tuning_file.ts";
import { writeFileAtomic } from "../src/io/atomic.ts";
import { openPainter } from "../src/jobs/open_painter.ts";
import { arpgPresets, arpgShapes } from "../src/models/arpg_config.ts";
import { ArpgDecoder } from "../src/models/arpg_decoder.ts";
import { cellOrder } from "../src/models/decode_order.ts";
import { groupSizes } from "../src/models/decode_schedule.ts";
import { vq16 } from "../src/models/vq_config.ts";
import { Device } from "../src/tensor/device.ts";
import { vqShapes, writeRandomWeights } from "./arpg_l_files.ts";

/** What a phase took. */
interface Phase {
  readonly name: string;
  readonly seconds: number;
  /** Most of JavaScript's memory, heap and buffers, that was seen in it, in MiB. */
  readonly javascriptMib: number;
  /** Memory of the process at its end, in MiB; a software adapter's is in it. */
  readonly processMib: number;
  /** GPU memory of the pool at its end, in MiB. */
  readonly gpuMib: number;
}

const config = arpgPresets["ARPG-L"];
const guidance = { scale: 4, form: "constant" } as const;
const mib = (bytes: number) => Math.round(bytes / 2 ** 20);

await runCommand("bench:arpg-l", (program: Command) => {
  program
    .description("Paints one picture with an ARPG-L and a VQ-16 of random weights, and records time and memory.")
    .option("--steps <n>", "decoding steps", "64")
    .option("--dtype <name>", "of weights and caches: float32 or float16", "float16")
    .option("--seed <n>", "of the weights and the picture", "1")
    .option("--note <text>", "what else the machine was doing", "")
    .action(async ({ steps, dtype, seed, note }) => {
      await bench(Number(steps), dtype === "float32" ? "float32" : "float16", Number(seed), note);
    });
});

async function bench(steps: number, dtype: "float32" | "float16", seed: number, note: string): Promise<void> {
  const load = Deno.loadavg()[0];
  const device = await Device.open({ choose: tunedTable });
  const { pool, adapter } = device.gpu;
  const phases: Phase[] = [];
  let javascript = 0;
  const look = () => {
    const { heapUsed, external } = Deno.memoryUsage();
    javascript = Math.max(javascript, heapUsed + external);
  };
  const phase = async <T>(name: string, body: () => Promise<T>): Promise<T> => {
    javascript = 0;
    look();
    const start = performance.now();
    const result = await body();
    const seconds = Math.round(performance.now() - start) / 1000;
    look();
    const { liveBytes, pooledBytes } = pool.counters;
    phases.push({
      name,
      seconds,
      javascriptMib: mib(javascript),
      processMib: mib(Deno.memoryUsage().rss),
      gpuMib: mib(liveBytes + pooledBytes),
    });
    return result;
  };
  watchUploads(device, look);

  const folder = await Deno.makeTempDir({ prefix: "arpg-l-" });
  const model = join(folder, "arpg_l.safetensors"), tokenizer = join(folder, "vq16.safetensors");
  try {
    const bytes = await phase("write the files", async () => [
      await writeRandomWeights(model, arpgShapes(config), seed),
      await writeRandomWeights(tokenizer, vqShapes(vq16), seed + 1),
    ]);
    using painter = await phase("load", () => openPainter(device, model, tokenizer, dtype));
    const groups = groupSizes("arccos", steps, config.cells);
    const request = {
      classes: Int32Array.of(207),
      order: cellOrder("random", config.cells, seed, 0),
      samples: Int32Array.of(0),
      seed,
    };
    const settings = { batch: 1, plan: { groups }, temperature: 1, guidance };
    using decoder = await phase("record the decoding", () => Promise.resolve(new ArpgDecoder(painter.model, settings)));
    const decode = async () => [...await decoder.decode(request).tokens.data()];
    const tokens = await phase("first decoding", decode);
    const again = await phase("second decoding", decode);
    const pixels = async () => {
      using _scope = device.scope();
      const codes = device.tensor(Int32Array.from(tokens), [1, config.cells]);
      return await device.noGrad(() => painter.tokenizer.decode(codes)).data();
    };
    const values = await phase("first picture from tokens", pixels);
    await phase("second picture from tokens", pixels);
    const { images, codes } = await phase(
      "all of it by ArpgPainter",
      () =>
        painter.paint(request.classes, { schedule: "arccos", order: "random", steps, guidance, temperature: 1, seed }),
    );

    const checks = {
      decodings_equal: tokens.every((token, i) => token === again[i]),
      painter_equal: tokens.every((token, i) => token === codes[i]),
      tokens_in_range: tokens.every((token) => token >= 0 && token < config.vocab),
      different_tokens: new Set(tokens).size,
      pixels_finite: values.every((value) => Number.isFinite(value)),
      picture_bytes: images.length,
    };
    const date = new Date().toISOString().slice(0, 10);
    const result = {
      command: `deno task bench:arpg-l ${Deno.args.join(" ")}`.trim(),
      date,
      adapter: adapter.name,
      kernels: device.gpu.table,
      cores: navigator.hardwareConcurrency,
      load_average_before: load,
      note,
      version,
      commit: await currentCommit(new URL("../", import.meta.url)),
      deno: Deno.version.deno,
      seed,
      model: { name: "ARPG-L", ...config, parameters: parametersOf(), dtype },
      decoding: { steps, schedule: "arccos", order: "random", guidance: guidance.scale, images: 1 },
      file_mib: bytes.map(mib),
      phases,
      gpu_peak_mib: mib(pool.counters.peakBytes),
      javascript_peak_mib: Math.max(...phases.map(({ javascriptMib }) => javascriptMib)),
      dispatches_per_step: 5 * config.layers + 12,
      checks,
    };
    const short = /^\w+/.exec(adapter.name)?.[0].toLowerCase() ?? "adapter";
    const file = new URL(`results/${date}-arpg_l-${short}.json`, import.meta.url).pathname;
    await writeFileAtomic(file, new TextEncoder().encode(`${JSON.stringify(result, null, 1)}\n`));
    printLine(
      `ARPG-L (${mib(bytes[0]!)} MiB) and VQ-16 (${mib(bytes[1]!)} MiB), ${dtype}, ${steps} steps, ${adapter.name}`,
    );
    for (const { name, seconds, javascriptMib, processMib, gpuMib } of phases) {
      const columns = [`${seconds.toFixed(2)} s`, `js ${javascriptMib}`, `process ${processMib}`, `gpu ${gpuMib} MiB`];
      printLine([name.padEnd(28), ...columns.map((text) => text.padStart(14))].join(""));
    }
    printLine(JSON.stringify(checks));
    printLine(file);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function parametersOf(): number {
  return arpgShapes(config).values().reduce((sum, shape) => sum + shape.reduce((a, b) => a * b), 0);
}

/** Looks at the memory whenever weights go to the device: loading leaves no time for timers. */
function watchUploads(device: Device, look: () => void): void {
  const textureOf = device.textureOf.bind(device), upload = device.upload.bind(device);
  device.textureOf = (...values) => {
    look();
    return textureOf(...values);
  };
  device.upload = (...values) => {
    look();
    upload(...values);
  };
}
