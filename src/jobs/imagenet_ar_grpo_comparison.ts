import { join } from "node:path";
import { readSafetensors } from "../io/safetensors.ts";
import { loadParameters } from "../nn/module.ts";
import { comparisonGrid, type Panel } from "../report/grid.ts";
import { Progress } from "../report/progress.ts";
import type { LlamaGenRun } from "./imagenet_ar_grpo.ts";
import { llamaGenFile } from "./imagenet_ar_grpo_training.ts";
import { type ImagenetScore, intervalOf, writePictures } from "./imagenet_comparison.ts";
import { labelsInTurn } from "./imagenet_inspector.ts";
import { reloadLlamaGen } from "./imagenet_models.ts";
import { channelsOf, scorePictures } from "./imagenet_scores.ts";

/** Pictures in a grid, and columns. */
const shown = 16, columns = 4;

/**
 * The trained LlamaGen and the published one from the same noise, under every measure of single pictures, both by the
 * run's one painter. Writes a grid, and where the config asks for it all pictures as .npz.
 */
export async function compareWithPublished(job: LlamaGenRun): Promise<ImagenetScore[]> {
  const { device, config, run, measures, classes, pictures } = job, { comparison } = config;
  const { model } = pictures.painter, { cells } = model.config;
  const labels = labelsInTurn(comparison.samples, classes);
  using progress = new Progress(2 * labels.length);
  const paint = async (name: "published" | "trained", before: number) => {
    const { images, milliseconds } = await pictures.paint(labels, comparison.seed, (done) => {
      progress.update(before + done, `compare ${name}`);
    });
    if (comparison.npz) await writePictures(job, name, images, labels);
    const card = { name, target_steps: cells, mean_steps: cells, milliseconds };
    return { images, card, scores: await scorePictures(device, measures, images, labels) };
  };
  await reloadLlamaGen(model, config);
  const published = await paint("published", 0);
  loadParameters(model, (await readSafetensors(join(run.checkpoints, llamaGenFile))).tensors);
  const trained = await paint("trained", labels.length);
  const above = (name: string) => {
    const before = published.scores.get(name)!;
    return trained.scores.get(name)!.map((value, i) => value - before[i]!);
  };
  const intervals = (of: (name: string) => Float32Array) =>
    Object.fromEntries(measures.map(({ name }) => [name, intervalOf(of(name), comparison.seed)]));
  const scoresOf = (scores: ReadonlyMap<string, Float32Array>) => intervals((name) => scores.get(name)!);
  const bytes = trained.images.length / labels.length, channels = channelsOf(bytes);
  const panels = [published, trained].map(({ card, images }): Panel => ({
    label: card.name,
    images: images.subarray(0, shown * bytes),
  }));
  const layout = { size: Math.sqrt(bytes / channels), channels, columns, scale: 1 };
  await run.writeBytes("samples/comparison.png", await comparisonGrid(panels, layout));
  return [
    { ...trained.card, scores: scoresOf(trained.scores), above_published: intervals(above) },
    { ...published.card, scores: scoresOf(published.scores) },
  ];
}
