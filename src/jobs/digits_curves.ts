import { readMetrics } from "../io/metrics_log.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import type { Series } from "../report/plot.ts";
import { renderCurves } from "../report/plot.ts";

/**
 * Draws reward, judges, Frechet distance and divergence over the updates as PNG files in `plots/`.
 *
 * @param pictures what each look during training painted: Frechet distances fall with their number.
 */
export async function drawCurves(run: RunDirectory, floor: number, pictures: number): Promise<void> {
  const records = await readMetrics(run.metrics);
  const curve = (phase: string, field: string, name: string): Series[] => {
    const points = records.filter((record) => record.phase === phase && typeof record[field] === "number")
      .map((record) => [Number(record.updates), Number(record[field])] as const);
    return points.length ? [{ name, points }] : [];
  };
  const x = { title: "policy update" };
  const plots = [
    {
      file: "reward",
      plot: {
        title: "Reward: judge A's gated probability of the wanted class",
        x,
        y: { title: "mean reward", zero: true },
      },
      series: [
        ...curve("grpo", "reward", "GRPO after pretraining"),
        ...curve("from_scratch", "reward", "REINFORCE from scratch"),
      ],
      smooth: 5,
    },
    {
      file: "judges",
      plot: { title: "Pictures read as the wanted class", x, y: { title: "accuracy", zero: true } },
      series: [
        ...curve("grpo", "judge_b_accuracy", "GRPO, held-out judge B"),
        ...curve("grpo", "judge_a_accuracy", "GRPO, judge A of the reward"),
        ...curve("from_scratch", "judge_b_accuracy", "from scratch, judge B"),
      ],
    },
    {
      file: "frechet",
      plot: {
        title: `Frechet distance on judge B's features, ${pictures} pictures`,
        x,
        y: { title: "Frechet distance", zero: true },
        references: [{ name: "1,000 held-out real digits", value: floor }],
      },
      series: curve("grpo", "frechet", "GRPO"),
    },
    {
      file: "divergence",
      plot: { title: "Divergence from the pretrained model", x, y: { title: "KL, nats a pixel", zero: true } },
      series: curve("grpo", "kl", "GRPO"),
    },
  ];
  for (const { file, plot, series, smooth } of plots) {
    if (series.length === 0) continue;
    await run.writeBytes(`plots/${file}.png`, await renderCurves({ ...plot, series, ...(smooth ? { smooth } : {}) }));
  }
}
