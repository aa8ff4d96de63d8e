import { type Command, Option } from "commander";
import { loadConfig } from "../config/load_config.ts";
import { UserError } from "../error.ts";
import { balancedLabels, paintDigits } from "../eval/paint_digits.ts";
import { writeFileAtomic } from "../io/atomic.ts";
import { RunDirectory } from "../io/run_directory.ts";
import { digitsArGrpoSchema } from "../jobs/digits_config.ts";
import { digitSize } from "../jobs/digits_data.ts";
import { loadModel, makeGenerator } from "../jobs/digits_models.ts";
import { writeSamples } from "../jobs/digits_samples.ts";
import { imageGrid } from "../report/grid.ts";
import { Device } from "../tensor/device.ts";
import { printLine } from "./terminal.ts";

/** Models that a run may hold. */
const models = ["model", "pretrained", "from_scratch"];

interface SampleOptions {
  readonly run: string;
  readonly model: string;
  readonly classes: string;
  readonly count: string;
  readonly seed: string;
  readonly temperature: string;
  readonly npz?: string;
  readonly grid?: string;
}

/** Declares `deno task sample`: paints images with a model of a run. */
export function sampleCommand(program: Command): void {
  program
    .description("Paints images with the model of a run.")
    .requiredOption("--run <dir>", "folder that train wrote")
    .addOption(new Option("--model <name>", "which model of the run").choices(models).default("model"))
    .option("--classes <list>", "classes to paint in turn, such as 7 or 0-4 or 1,3,5", "0-9")
    .option("--count <n>", "number of images", "100")
    .option("--seed <n>", "of the sampling; the same seed paints the same images", "0")
    .option("--temperature <t>", "divides the logits; 0 takes the likeliest level", "1")
    .option("--npz <file>", "write the images: arr_0 uint8 [N, 8, 8, 1], labels int64 [N]")
    .option("--grid <file>", "write the images as a PNG, one column a class")
    .action(sample);
}

async function sample(options: SampleOptions): Promise<void> {
  const { npz, grid } = options;
  if (npz === undefined && grid === undefined) {
    throw new UserError("Nothing to write: name a file with --npz FILE or --grid FILE, or both");
  }
  const classes = parseClasses(options.classes);
  const count = wholeNumber("--count", options.count, 1, 1_000_000);
  const seed = wholeNumber("--seed", options.seed, 0, 0xffffffff);
  const temperature = Number(options.temperature);
  if (!(temperature >= 0 && temperature < Infinity)) {
    throw new UserError(`Cannot sample at --temperature ${options.temperature}: wanted 0 or a positive number`);
  }
  const run = await RunDirectory.open(options.run);
  const config = loadConfig(run.config, digitsArGrpoSchema);
  const device = await Device.open({ memoryBytes: config.memory_gib * 2 ** 30 });
  const model = makeGenerator(device, config);
  await loadModel(run, options.model, model);
  const labels = balancedLabels(count, classes);
  const painted = await paintDigits(device, model, labels, { seed, temperature });
  if (npz !== undefined) {
    await writeSamples(npz, painted);
    printLine(`${count} images in ${npz}`);
  }
  if (grid !== undefined) {
    await writeFileAtomic(
      grid,
      imageGrid({ images: painted.images, size: digitSize, columns: gridColumns(classes.length) }),
    );
    printLine(`${count} images as a grid in ${grid}`);
  }
}

/** About twenty images a row, a whole number of rounds through the classes. */
function gridColumns(classes: number): number {
  return classes * Math.max(1, Math.floor(20 / classes));
}

/** Classes of a list such as `0-4,7`. */
function parseClasses(text: string): number[] {
  return text.split(",").flatMap((part) => {
    const [, from, to] = /^(\d)(?:-(\d))?$/.exec(part.trim()) ?? [];
    if (from === undefined || (to !== undefined && Number(to) < Number(from))) {
      throw new UserError(
        `Cannot read --classes ${text}: wanted digits and ranges such as 0-4,7, got "${part.trim()}"`,
      );
    }
    const first = Number(from), last = Number(to ?? from);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

function wholeNumber(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UserError(`Cannot take ${flag} ${text}: wanted a whole number from ${least} to ${most}`);
}
