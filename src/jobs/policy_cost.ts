import { arpgMethod, policyMethod } from "../eval/decoding_method.ts";
import { Efficiency } from "../rewards/efficiency.ts";
import { fitLatency, type LatencyMeasurement, type LatencyModel } from "../rewards/latency_model.ts";
import { makePolicy, type PolicyTraining, samplingOf } from "./policy_setup.ts";

/** First weight of quality under the constraint. */
const firstLambda = 4;
/** Steps of ARPG's rule that are timed. */
const timedSteps = [2, 8, 16];

/** How the config weighs cost; `latency` where it counts milliseconds. */
export function efficiencyOf({ device, config, painter }: PolicyTraining, latency: LatencyModel | null): Efficiency {
  const efficiency = config.reward.efficiency!;
  if (efficiency.form === "constraint") return new Efficiency(device, { ...efficiency, start: firstLambda });
  const { target_steps: targets, max_steps } = config.training, { cells } = painter.model.config;
  // A step more than any painting may take, so that the slowest one still earns something.
  const steps = (max_steps ?? Math.max(...targets)) + 1;
  const maxCost = latency ? milliseconds(latency, steps, steps * cells) : steps;
  return new Efficiency(device, { ...efficiency, maxCost });
}

function milliseconds({ coefficients }: LatencyModel, steps: number, cells: number): number {
  const { base, perStep, perCell } = coefficients;
  return base + perStep * steps + perCell * cells;
}

/** Times paintings by ARPG's rule and by an untrained policy: 10 to 20 s on two CPU cores. */
export async function measureLatency(job: PolicyTraining): Promise<LatencyModel> {
  const { config, painter, device, classes } = job, { cells } = painter.model.config;
  const count = config.training.batch_size * config.training.group_size;
  const labels = Int32Array.from({ length: count }, (_, i) => classes[i % classes.length]!);
  const policy = makePolicy(device, config, painter);
  const { targets } = policy.config;
  const measured: LatencyMeasurement[] = [];
  for (
    const method of [
      ...timedSteps.map(arpgMethod),
      ...targets.map((steps) => policyMethod(policy, steps, "sampled")),
    ]
  ) {
    const settings = method.settings(samplingOf(config), config.seed);
    await painter.paint(labels, settings); // records the decoder and compiles its kernels
    const begin = performance.now();
    const { painted } = await painter.paint(labels, settings);
    const spent = (performance.now() - begin) / labels.length;
    // A policy asks for all unpainted cells at every step: a cell painted at step t was asked for t + 1 times.
    const probes = painted.reduce((sum, step) => sum + step + 1, 0) / labels.length;
    const probed = method.family === "policy" ? probes : cells;
    measured.push({ steps: method.target_steps, cells: probed, milliseconds: spent });
  }
  return fitLatency(measured);
}
