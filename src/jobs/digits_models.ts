import { join } from "node:path";
import { readWeights } from "../io/weights.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import { writeSafetensors } from "../io/safetensors.ts";
import { LstmGenerator } from "../models/lstm_generator.ts";
import { Initializer } from "../nn/init.ts";
import { loadParameters, type Module } from "../nn/module.ts";
import type { Device } from "../tensor/device.ts";
import { digitSize } from "./digits_data.ts";
import type { DigitsArGrpoConfig } from "./digits_config.ts";
import { toHost } from "./run_state.ts";

/** A generator of the configured sizes with its first random weights. */
export function makeGenerator(device: Device, { generator, seed }: DigitsArGrpoConfig): LstmGenerator {
  const { levels, hidden, layers, input } = generator;
  return new LstmGenerator(new Initializer(device, seed), {
    levels,
    hidden,
    layers,
    input,
    classes: 10,
    pixels: digitSize ** 2,
  });
}

/** The file of a finished model of a run: `pretrained`, `from_scratch`, `model`, `judge_a` or `judge_b`. */
function weightsPath(run: RunDirectory, name: string): string {
  return join(run.checkpoints, `${name}.safetensors`);
}

/** Writes a model's parameters, with what they are, to the run. */
export async function saveModel(run: RunDirectory, name: string, device: Device, model: Module): Promise<void> {
  await writeSafetensors(weightsPath(run, name), await toHost(device, model.parameters()), { model: name });
}

/** Reads a model's parameters from the run. */
export async function loadModel(run: RunDirectory, name: string, model: Module): Promise<void> {
  loadParameters(model, await readWeights(weightsPath(run, name)));
}
