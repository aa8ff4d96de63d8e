import { join } from "node:path";
import type { TokenCodes } from "../data/token_codes.ts";
import { UserError } from "../error.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import { readSafetensors, writeSafetensors } from "../io/safetensors.ts";
import { Arpg } from "../models/arpg.ts";
import type { ArpgConfig } from "../models/arpg_config.ts";
import { arpgMetadata, loadArpg } from "../models/load_arpg.ts";
import { loadVqTokenizer } from "../models/vq_tokenizer.ts";
import { Initializer } from "../nn/init.ts";
import { Progress } from "../report/progress.ts";
import type { Device } from "../tensor/device.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import { evaluateArpg } from "./arpg_evaluation.ts";
import { ArpgPhase } from "./arpg_phase.ts";
import { loadFullDigits } from "./digits_data.ts";
import { type DigitsArpgConfig, digitsArpgSchema } from "./digits_arpg_config.ts";
import { encodeDigits } from "./digits_codes.ts";
import { defineJob, type JobOptions } from "./job.ts";
import { PhaseRunner } from "./phases.ts";
import { toHost } from "./run_state.ts";

const phases = ["encode", "train", "evaluate"] as const;
const classes = 10;

/** The job `digits_arpg`. */
export const digitsArpgJob = defineJob(digitsArpgSchema, runDigitsArpg);

/**
 * Pretrains an ARPG on token codes of real digits by maximum likelihood in random orders, writes its averaged weights to
 * `checkpoints/arpg.safetensors` (float16), and evaluates what that file holds under a held-out judge.
 *
 * @returns a table of scores by guidance.
 */
export async function runDigitsArpg(
  device: Device,
  config: DigitsArpgConfig,
  run: RunDirectory,
  { resume, signal }: JobOptions,
): Promise<string> {
  using runner = await PhaseRunner.open(run, device, { resume, signal, saveSeconds: config.checkpoint_seconds });
  const file = join(run.checkpoints, "arpg.safetensors");
  const codes = await codesOf(device, config, run, runner);
  if (!runner.isDone("train", phases)) await train(device, config, runner, codes, file);
  await runner.begin("evaluate");
  return await evaluateArpg(device, config, run, file);
}

async function train(
  device: Device,
  config: DigitsArpgConfig,
  runner: PhaseRunner,
  codes: Codes,
  file: string,
): Promise<void> {
  const { vocab, cells } = codes;
  const model = await initialModel(device, config, { ...config.model, vocab, classes, cells });
  await runner.begin("train");
  const phase = new ArpgPhase(device, model, codes, config);
  await runner.steps(phase);
  phase.finish();
  await writeSafetensors(file, await toHost(device, model.parameters()), arpgMetadata(model.config), { dtype: "F16" });
}

/** The model that training starts from: random, or that of a file. */
async function initialModel(device: Device, { seed, train }: DigitsArpgConfig, sizes: ArpgConfig): Promise<Arpg> {
  if (train.initial === null) return new Arpg(new Initializer(device, seed), sizes);
  const model = loadArpg(device, await readSafetensors(train.initial), train.initial);
  const differing = Object.keys(sizes).filter((key) =>
    model.config[key as keyof ArpgConfig] !== sizes[key as keyof ArpgConfig]
  );
  if (differing.length === 0) return model;
  throw new UserError(
    `Cannot go on from ${train.initial}: it differs from this config and tokenizer in ${differing.join(", ")}; ` +
      "name a model of the same sizes, or null",
  );
}

interface Codes {
  readonly train: TokenCodes;
  readonly test: TokenCodes;
  readonly vocab: number;
  readonly cells: number;
}

/** Token codes of both splits: made once, then read from the run. */
async function codesOf(
  device: Device,
  config: DigitsArpgConfig,
  run: RunDirectory,
  runner: PhaseRunner,
): Promise<Codes> {
  const file = join(run.checkpoints, "codes.safetensors");
  if (!runner.isDone("encode", phases)) {
    await runner.begin("encode");
    const saved = await readSafetensors(config.tokenizer);
    const tokenizer = loadVqTokenizer(device, saved, config.tokenizer);
    const data = await loadFullDigits(config.data);
    using progress = new Progress(data.train.count + data.test.count);
    const { seed, augmentation: { variants, pixels } } = config;
    const onBatch = (before: number) => (digits: number) => progress.update(before + digits, "encode digits");
    const train = await encodeDigits(device, tokenizer, data.train, { variants, pixels, seed, onBatch: onBatch(0) });
    const whole = { variants: 1, pixels: 0, seed, onBatch: onBatch(data.train.count) };
    const test = await encodeDigits(device, tokenizer, data.test, whole);
    await writeSafetensors(
      file,
      new Map([...tensorsOf("train", train), ...tensorsOf("test", test)]),
      { vocab: String(tokenizer.config.codebook_size) },
    );
  }
  const { tensors, metadata } = await readSafetensors(file);
  const split = (name: string): TokenCodes => {
    const codes = tensors.get(`${name}.codes`), labels = tensors.get(`${name}.labels`);
    if (!(codes?.data instanceof Int32Array) || !(labels?.data instanceof Uint8Array) || codes.shape.length !== 3) {
      throw new UserError(`Cannot train on ${file}: it holds no token codes; start a new run`);
    }
    const shape = codes.shape as readonly [number, number, number];
    return { codes: codes.data, shape, labels: Int32Array.from(labels.data) };
  };
  const train = split("train");
  return { train, test: split("test"), vocab: Number(metadata.vocab), cells: train.shape[2] };
}

function tensorsOf(name: string, { codes, shape, labels }: TokenCodes): [string, HostTensor][] {
  return [
    [`${name}.codes`, { shape, data: codes }],
    [`${name}.labels`, { shape: [labels.length], data: Uint8Array.from(labels) }],
  ];
}
