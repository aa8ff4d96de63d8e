import { loadConfig } from "../config/load_config.ts";
import { UserError } from "../error.ts";
import { balancedLabels, paintDigits } from "../eval/paint_digits.ts";
import { writeFileAtomic } from "../io/atomic.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import { digitsArGrpoSchema } from "../jobs/digits_config.ts";
import { digitSize } from "../jobs/digits_data.ts";
import { loadModel, makeGenerator } from "../jobs/digits_models.ts";
import { writeSamples } from "../jobs/digits_samples.ts";
import { imageGrid } from "../report/grid.ts";
import { Device } from "../tensor/device.ts";
import { parseClasses } from "./option_values.ts";
import { gridColumns, type SampleRequest } from "./sample_request.ts";
import { printLine } from "./terminal.ts";
import { tunedTable } from "./tuning_file.ts";

/** Paints with the LSTM of a `digits_ar_grpo` run. */
export async function samplePixels(run: RunDirectory, request: SampleRequest): Promise<void> {
  const { npz, grid, count, seed, temperature, forTokens: [unknown] } = request;
  if (unknown !== undefined) {
    const flag = unknown.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new UserError(`Cannot use --${flag} with ${run.path}: its model paints pixel by pixel in raster order`);
  }
  const config = loadConfig(run.config, digitsArGrpoSchema);
  const classes = parseClasses(request.classes, 10);
  const device = await Device.open({ memoryBytes: config.memory_gib * 2 ** 30, choose: tunedTable });
  const model = makeGenerator(device, config);
  await loadModel(run, request.model, model);
  const labels = balancedLabels(count, classes);
  const painted = await paintDigits(device, model, labels, { seed, temperature });
  if (npz !== undefined) {
    await writeSamples(npz, painted);
    printLine(`${count} images in ${npz}`);
  }
  if (grid !== undefined) {
    const columns = gridColumns(classes.length);
    await writeFileAtomic(grid, imageGrid({ images: painted.images, size: digitSize, columns }));
    printLine(`${count} images as a grid in ${grid}`);
  }
}
