import { classify, scoreOf } from "../eval/classify.ts";
import { trainJudge } from "../eval/train_judge.ts";
import { Classifier } from "../models/classifier.ts";
import type { Judge } from "../models/judge.ts";
import { MlpClassifier } from "../models/mlp_classifier.ts";
import { Initializer } from "../nn/init.ts";
import { Progress } from "../report/progress.ts";
import type { DigitsJob } from "./digits_ar_grpo.ts";
import { loadModel, saveModel } from "./digits_models.ts";
import { Interrupted } from "./phases.ts";

/** The two judges of the job. */
export interface Judges {
  /** In the reward. */
  readonly a: Judge;
  /** Held out: another architecture and seed, in no reward. */
  readonly b: Judge;
}

/**
 * Trains both judges on real digits and prints their test accuracy, or loads them where the run has them. A and B differ
 * in architecture, initialisation and order of data.
 */
export async function makeJudges(job: DigitsJob, done: boolean): Promise<Judges> {
  const { device, run, runner, config, data, signal } = job;
  const seeds = { a: config.seed + 1, b: config.seed + 2 };
  const judges = {
    a: new Classifier(new Initializer(device, seeds.a)),
    b: new MlpClassifier(new Initializer(device, seeds.b)),
  };
  if (!done) await runner.begin("judges");
  for (const name of ["a", "b"] as const) {
    const judge = judges[name], seed = seeds[name], epochs = config.judges[`${name}_epochs`];
    if (done) {
      await loadModel(run, `judge_${name}`, judge);
      continue;
    }
    using progress = new Progress(epochs);
    const onEpoch = (epoch: number, loss: number) => {
      if (signal.aborted) throw new Interrupted();
      progress.update(epoch, `judge ${name.toUpperCase()}  loss ${loss.toFixed(3)}`);
    };
    await trainJudge(device, judge, data.train, { epochs, seed, onEpoch });
    await saveModel(run, `judge_${name}`, device, judge);
    const [found] = await classify(device, [judge], data.test.images);
    const { accuracy } = scoreOf(found!, data.test.labels);
    progress.message(`Judge ${name.toUpperCase()}: test accuracy ${(100 * accuracy).toFixed(1)} %`);
    runner.record({ phase: "judges", judge: name, test_accuracy: accuracy });
  }
  return judges;
}
