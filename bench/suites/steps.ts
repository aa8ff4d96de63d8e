import { adamw } from "./adamw_settings.ts";
import type { Contender } from "../contender.ts";
import { deviceTensors, settle } from "../stipple_contender.ts";
import { type Check, raceRow, type Row, type Setting, type SuiteResult } from "../suite.ts";
import { cnnCase, lstmCase, type StepCase, transformerCase } from "./step_cases.ts";
import { AdamW } from "../../src/optim/adamw.ts";
import type { Captured } from "../../src/tensor/captured.ts";
import type { Device } from "../../src/tensor/device.ts";
import { gradients } from "../../src/tensor/tape.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { hostCost } from "../host_cost.ts";
import { median } from "../statistics.ts";

/** Times faster than the faster of tfjs and jax-js that we want a training step to be. */
const wanted = 5;
/** Replays whose host time is taken. */
const replays = 15;

const hostFigures =
  "Host figures are medians of replays on an idle queue. us / step is a whole replay, right after the " +
  "step's work, from which a software adapter leaves the host's caches cold; the others are of the same commands with " +
  "empty grids. us / submit: a replay of one dispatch. us / op: what every further dispatch or copy adds. plain: the " +
  "same calls of WebGPU in a loop, without a recorder.";
const defaultJob = "The wall time of the default job, `deno task train`, stands in the record of its run: " +
  "`bench/results/*-digits_policy-*.json`.";

/** Whole training steps: forward, backward, AdamW. Ours are captured and replayed. */
export async function steps(setting: Setting): Promise<SuiteResult> {
  const { device, peers } = setting;
  const rows: Row[] = [];
  for (const one of [cnnCase(), lstmCase(), transformerCase()]) {
    const { name, title, parameters, inputs, flops } = one;
    const rivals = peers.map((peer) => ({ name: peer.name, open: () => peer.step({ name, parameters, inputs }) }));
    const figures = await figuresOf(device, one);
    rows.push(
      await raceRow(
        setting,
        { name: title, cost: { flops }, wanted },
        () => stippleStep(device, one),
        rivals,
        () => figures,
      ),
    );
  }
  const checks = rows.flatMap(({ name, figures }): Check[] => [
    { name: `${name}: host us / op`, value: figures!["host us / op"]!, kind: "most", wanted: 2 },
    {
      name: `${name}: host us / op, replay / plain calls`,
      value: figures!["host us / op"]! / figures!["plain us / op"]!,
      kind: "most",
      wanted: 1.2,
    },
    { name: `${name}: allocations / step`, value: figures!["allocations / step"]!, kind: "most", wanted: 0 },
  ]);
  return { rows, checks, notes: [hostFigures, defaultJob] };
}

/** A training step of Stipple, recorded once. */
interface TrainingStep {
  readonly captured: Captured<Tensor>;
  /** What changes between replays. */
  advance(): void;
  dispose(): void;
}

function trainingStep(device: Device, { parameters, inputs, loss }: StepCase): TrainingStep {
  const scope = device.scope();
  const names = Object.keys(parameters), tensors = deviceTensors(device, Object.values(parameters), true);
  const [x, targets] = deviceTensors(device, inputs, false);
  const { learningRate, beta1, beta2, eps, weightDecay } = adamw;
  const optimizer = new AdamW(device, tensors, { betas: [beta1, beta2], eps, weightDecay });
  optimizer.learningRate.value = learningRate;
  const named = Object.fromEntries(names.map((name, i) => [name, tensors[i]!]));
  const captured = device.capture(() => {
    const value = loss(named, x!, targets!);
    optimizer.step(gradients(value, tensors));
    return value;
  });
  return {
    captured,
    advance: () => optimizer.advance(),
    dispose: () => {
      captured.dispose();
      scope[Symbol.dispose]();
    },
  };
}

/** A training step of Stipple that replays. */
export function stippleStep(device: Device, step: StepCase): Contender {
  return contenderOf(device, trainingStep(device, step));
}

function contenderOf(device: Device, { captured, advance, dispose }: TrainingStep): Contender {
  return {
    name: "stipple",
    comparedRun: 4,
    run: () => {
      advance();
      captured.replay();
    },
    settle: () => settle(device),
    results: () => device.read([captured.result]),
    dispose,
  };
}

/** What replaying costs the host, and what it allocates on the device. */
async function figuresOf(device: Device, step: StepCase): Promise<Record<string, number>> {
  const { captured, advance, dispose } = trainingStep(device, step);
  try {
    const { submit, op, plainOp } = await hostCost(device, captured.recording, advance);
    const { counters } = device.gpu.pool, { created } = counters;
    const microseconds: number[] = [];
    for (let i = 0; i < replays; i++) {
      await device.idle();
      const start = performance.now();
      advance();
      captured.replay();
      microseconds.push((performance.now() - start) * 1000);
    }
    return {
      "ops": captured.recording.length,
      "host us / step": median(microseconds),
      "host us / submit": submit,
      "host us / op": op,
      "plain us / op": plainOp,
      "allocations / step": (counters.created - created) / replays,
    };
  } finally {
    dispose();
  }
}
