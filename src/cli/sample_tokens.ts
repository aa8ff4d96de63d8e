import { ArpgPainter, type KnownCells, type Paintings } from "../eval/arpg_painter.ts";
import { writeFileAtomic } from "../io/atomic.ts";
import { writeNpz } from "../io/npz.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import { openPainter } from "../jobs/open_painter.ts";
import { cellSize } from "../models/vq_config.ts";
import { imageGrid } from "../report/grid.ts";
import { paintingFrames } from "../report/painting.ts";
import { paintingGif } from "../report/painting_gif.ts";
import { Progress } from "../report/progress.ts";
import { stepGrid } from "../report/step_grid.ts";
import { Device } from "../tensor/device.ts";
import { knownCells } from "./inpainting.ts";
import { parseClasses } from "./option_values.ts";
import { gridColumns, type SampleRequest } from "./sample_request.ts";
import { filesOf, settingsOf } from "./sample_settings.ts";
import { printLine } from "./terminal.ts";
import { tunedTable } from "./tuning_file.ts";

/** Paints with an ARPG: that of a run, of a file, or the shipped one; by rules made by hand, or by a policy. */
export async function sampleTokens(request: SampleRequest, run?: RunDirectory): Promise<void> {
  const { model, tokenizer, policy } = await filesOf(request, run);
  const device = await Device.open({ choose: tunedTable });
  using painter = await openPainter(device, model, tokenizer, request.dtype);
  const settings = await settingsOf(painter.model, request, policy);
  const { count } = request;
  const classes = parseClasses(request.classes, painter.model.config.classes);
  const labels = Int32Array.from({ length: count }, (_, i) => classes[i % classes.length]!);
  const known = request.inpaint === undefined
    ? undefined
    : repeated(await knownCells(painter, request.inpaint, request.mask!), count);
  using progress = new Progress(count);
  const onProgress = (done: number) => progress.update(done, "paint");
  const paintings = await painter.paint(labels, settings, { onProgress, ...(known ? { known } : {}) });
  progress.done();
  await write(request, painter, labels, paintings, classes.length);
}

/** The same known cells for every image. */
function repeated({ codes, mask }: KnownCells, count: number): KnownCells {
  const of = <A extends Int32Array | Uint8Array>(row: A, type: { new (length: number): A }) => {
    const all = new type(count * row.length);
    for (let i = 0; i < count; i++) all.set(row, i * row.length);
    return all;
  };
  return { codes: of(codes, Int32Array), mask: of(mask, Uint8Array) };
}

async function write(
  { npz, grid, gif, stepsGrid }: SampleRequest,
  { model, tokenizer }: ArpgPainter,
  labels: Int32Array,
  { images, painted }: Paintings,
  classes: number,
): Promise<void> {
  const count = labels.length, { width } = model.sizes;
  const size = width * cellSize(tokenizer.config);
  const channels = tokenizer.config.image_channels === 3 ? 3 : 1;
  const scale = Math.max(1, Math.round(64 / size));
  const layout = { size, channels, columns: gridColumns(classes, scale * size), scale } as const;
  if (npz !== undefined) {
    await writeNpz(npz, {
      arr_0: { dtype: "uint8", shape: [count, size, size, channels], data: images },
      labels: { dtype: "int64", shape: [count], data: labels },
    });
    printLine(`${count} images in ${npz}`);
  }
  if (grid !== undefined) {
    await writeFileAtomic(grid, imageGrid({ ...layout, images }));
    printLine(`${count} images as a grid in ${grid}`);
  }
  if (gif !== undefined) {
    const frames = paintingFrames({ images, steps: painted, size, grid: width, channels });
    await writeFileAtomic(gif, await paintingGif({ ...layout, frames }));
    printLine(`${count} images being painted in ${gif}`);
  }
  if (stepsGrid !== undefined) {
    await writeFileAtomic(stepsGrid, await stepGrid({ steps: painted, grid: width, columns: layout.columns }));
    printLine(`the steps of ${count} images in ${stepsGrid}`);
  }
}
