import { join } from "node:path";
import { writeSafetensors } from "../io/safetensors.ts";
import type { LlamaGen } from "../models/llamagen.ts";
import { llamaGenMetadata } from "../models/llamagen_config.ts";
import type { WeightedReward } from "../rewards/reward.ts";
import { loadUserReward } from "../rewards/user_reward.ts";
import { Grader } from "../rl/grader.ts";
import { LlamaGenGrpo, type LlamaGenGrpoOptions } from "../rl/llamagen_grpo.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { GrpoPhase, type GrpoPhaseOptions, type Inspector, type Measures } from "./grpo_phase.ts";
import type { LlamaGenRun } from "./imagenet_ar_grpo.ts";
import { ImagenetInspector } from "./imagenet_inspector.ts";
import { loadImagenetLlamaGen } from "./imagenet_models.ts";
import { generatorLearning } from "./policy_setup.ts";
import { prefixed, toHost, unprefixed } from "./run_state.ts";
import { restoreTraining, trainingState } from "./training_state.ts";

/** The folder's file of the trained weights. */
export const llamaGenFile = "llamagen.safetensors";

/** GRPO of a LlamaGen as a phase; the model ends with the averaged weights. */
class LlamaGenPhase extends GrpoPhase {
  constructor(
    private readonly model: LlamaGen,
    protected override readonly trainer: LlamaGenGrpo,
    private readonly grader: Grader,
    inspector: Inspector,
    options: GrpoPhaseOptions,
  ) {
    super(trainer, inspector, options);
  }

  state(): Map<string, Tensor> {
    return new Map([
      ...trainingState(this.model, this.trainer.generator),
      ...prefixed("rewards", this.grader.state()),
    ]);
  }

  restore(tensors: ReadonlyMap<string, HostTensor>): void {
    restoreTraining(this.model, this.trainer.generator, tensors);
    this.grader.restore(unprefixed("rewards", tensors));
  }
}

/**
 * Trains the LlamaGen of a config and writes its averaged weights into the run's checkpoints.
 *
 * @throws {Interrupted} after saving, where the user asked to stop.
 */
export async function trainLlamaGen(
  job: LlamaGenRun,
  rewards: readonly WeightedReward[],
  measured: () => Measures,
): Promise<void> {
  const { device, config, run, runner, pictures } = job;
  const { training, generator, reward } = config, { painter, tokenizer } = pictures;
  await runner.begin("grpo");
  const modules = reward.module
    ? [{ module: await loadUserReward(reward.module.path), weight: reward.module.weight }]
    : [];
  const graded = { rewards, modules, combination: reward.combine, classNames: job.classNames };
  const grader = new Grader(device, graded, { policy: painter.batch, hand: 0 });
  const reference = generator.beta > 0 ? await loadImagenetLlamaGen(device, config) : null;
  const trainer = new LlamaGenGrpo(painter, reference, tokenizer, grader, optionsOf(job));
  const paint = async (labels: Int32Array, seed: number) => (await pictures.paint(labels, seed)).images;
  const looks = { learner: "generator", steps: painter.model.config.cells, paint } as const;
  const phase = new LlamaGenPhase(painter.model, trainer, grader, new ImagenetInspector(job, looks), {
    epochs: training.num_epochs,
    batchesPerEpoch: training.batches_per_epoch,
    lookEvery: training.evaluate_every,
    say: (line) => runner.say(line),
    measured,
  });
  await runner.steps(phase);
  phase.finish();
  for (const tensor of reference?.parameters().values() ?? []) tensor.dispose();
  const weights = await toHost(device, painter.model.parameters());
  await writeSafetensors(join(run.checkpoints, llamaGenFile), weights, llamaGenMetadata(painter.model.config));
}

function optionsOf({ config, classes, together }: LlamaGenRun): LlamaGenGrpoOptions {
  const { training, seed } = config;
  return {
    ...{ groupSize: training.group_size, classes, seed, pixelsTogether: together },
    advantage: training.advantage,
    ...generatorLearning(config),
  };
}
