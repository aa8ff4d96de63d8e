import { adamw } from "./adamw_settings.ts";
import type { Contender } from "../contender.ts";
import { deviceTensors, settle } from "../stipple_contender.ts";
import { type Check, raceRow, type Row, type Setting, type SuiteResult } from "../suite.ts";
import { cnnCase, lstmCase, type StepCase, transformerCase } from "./step_cases.ts";
import { AdamW } from "../../src/optim/adamw.ts";
import type { Device } from "../../src/tensor/device.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { median } from "../statistics.ts";

/** Times faster than the faster of tfjs and jax-js that we want a training step to be. */
const wanted = 5;
/** Replays whose host time is taken. */
const replays = 15;

const defaultJob = "The wall time of the default job, `deno task train`, stands in the record of its run: " +
  "`bench/results/*-digits_policy-*.json`.";

/** Whole training steps: forward, backward, AdamW. Ours are captured and replayed. */
export async function steps(setting: Setting): Promise<SuiteResult> {
  const { device, peers } = setting;
  const rows: Row[] = [];
  for (const one of [cnnCase(), lstmCase(), transformerCase()]) {
    const { name, title, parameters, inputs, flops } = one;
    const rivals = peers.map((peer) => ({ name: peer.name, open: () => peer.step({ name, parameters, inputs }) }));
    const ours = stippleStep(device, one);
    const figures = await hostFigures(device, ours);
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
    { name: `${name}: allocations / step`, value: figures!["allocations / step"]!, kind: "most", wanted: 0 },
  ]);
  return { rows, checks, notes: [defaultJob] };
}

/** A training step of Stipple, recorded once and replayed. */
export function stippleStep(device: Device, { parameters, inputs, loss }: StepCase): Contender {
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
    name: "stipple",
    comparedRun: 4,
    run: () => {
      optimizer.advance();
      captured.replay();
    },
    settle: () => settle(device),
    results: () => device.read([captured.result]),
    dispose: () => {
      captured.dispose();
      scope[Symbol.dispose]();
    },
  };
}

/** What replaying costs the host, and what it allocates on the device; frees the contender. */
async function hostFigures({ gpu: { pool, recorder } }: Device, contender: Contender): Promise<Record<string, number>> {
  try {
    await contender.run();
    await contender.settle();
    const created = pool.counters.created, before = recorder.counters.dispatches;
    const microseconds: number[] = [];
    for (let i = 0; i < replays; i++) {
      const start = performance.now();
      await contender.run();
      microseconds.push((performance.now() - start) * 1000);
      await contender.settle(); // the device must not be behind: a software adapter takes the host's cores
    }
    const ops = (recorder.counters.dispatches - before) / replays;
    return {
      "ops": ops,
      "host us / op": median(microseconds) / ops,
      "allocations / step": (pool.counters.created - created) / replays,
    };
  } finally {
    contender.dispose();
  }
}
