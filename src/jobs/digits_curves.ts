import { readMetrics } from "../io/metrics_log.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import type { Series } from "../report/plot.ts";
import { renderCurves } from "../report/plot.ts";

/** Names of the phases in legends. */
const phaseNames: Readonly<Record<string, string>> = {
  grpo: "GRPO after pretraining",
  from_scratch: "REINFORCE from scratch",
};

/**
 * Draws reward, held-out judge and Frechet distance over the updates as PNG files in `plots/`.
 *
 * @param pictures what each look during training painted: Frechet distances fall with their number.
 */
export async function drawCurves(run: RunDirectory, floor: number, pictures: number): Promise<void> {
  const records = await readMetrics(run.metrics);
  const series = (field: string): Series[] =>
    Object.entries(phaseNames).flatMap(([phase, name]) => {
      const points = records.filter((record) => record.phase === phase && typeof record[field] === "number")
        .map((record) => [Number(record.updates), Number(record[field])] as const);
      return points.length ? [{ name, points }] : [];
    });
  const x = { title: "policy update" };
  const plots = [
    {
      file: "reward",
      plot: {
        title: "Reward: judge A's gated probability of the wanted class",
        x,
        y: { title: "mean reward", zero: true },
      },
      series: series("reward"),
      smooth: 5,
    },
    {
      file: "held_out_judge",
      plot: { title: "Held-out judge B", x, y: { title: "accuracy", zero: true } },
      series: series("judge_b_accuracy"),
    },
    {
      file: "frechet",
      plot: {
        title: `Frechet distance on judge B's features, ${pictures} pictures`,
        x,
        y: { title: "Frechet distance", zero: true },
        references: [{ name: "1,000 held-out real digits", value: floor }],
      },
      series: series("frechet").filter(({ name }) => name === phaseNames.grpo),
    },
    {
      file: "divergence",
      plot: { title: "Divergence from the pretrained model", x, y: { title: "KL, nats a pixel", zero: true } },
      series: series("kl").filter(({ name }) => name === phaseNames.grpo),
    },
  ];
  for (const { file, plot, series, smooth } of plots) {
    if (series.length === 0) continue;
    await run.writeBytes(`plots/${file}.png`, await renderCurves({ ...plot, series, ...(smooth ? { smooth } : {}) }));
  }
}
