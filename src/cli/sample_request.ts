import { type Command, Option } from "commander";
import { UserError } from "../error.ts";
import { type DecodeOrder, decodeOrders } from "../models/decode_order.ts";
import { type DecodeSchedule, decodeSchedules } from "../models/decode_schedule.ts";
import type { FrozenDtype } from "../models/frozen_weights.ts";
import { numberBetween, wholeNumber } from "./option_values.ts";

/** What `deno task sample` is asked for. */
export interface SampleRequest {
  readonly run?: string;
  readonly checkpoint?: string;
  readonly tokenizer?: string;
  /** File of a decoding policy. */
  readonly policy?: string;
  /** Whether a policy takes what it likes best. */
  readonly greedy?: boolean;
  /** Factor of a policy's degrees. */
  readonly speed?: number;
  /** Which model of a run that has several. */
  readonly model: string;
  /** As it was given. */
  readonly classes: string;
  readonly count: number;
  readonly seed: number;
  readonly temperature: number;
  readonly schedule: DecodeSchedule;
  readonly steps: number;
  readonly order: DecodeOrder;
  readonly guidance: { readonly scale: number; readonly form: "constant" | "linear" };
  readonly topK?: number;
  readonly topP?: number;
  readonly dtype: FrozenDtype;
  readonly inpaint?: string;
  readonly mask?: string;
  readonly npz?: string;
  readonly grid?: string;
  readonly gif?: string;
  readonly stepsGrid?: string;
  /** Options that were given and that only models of tokens have. */
  readonly forTokens: readonly string[];
}

const tokenOptions = [
  ...["checkpoint", "tokenizer", "schedule", "steps", "order", "guidance", "guidanceForm", "topK", "topP", "dtype"],
  ...["policy", "greedy", "speed", "inpaint", "mask", "gif", "stepsGrid"],
];

/** Models that a run may hold. */
const models = ["model", "pretrained", "from_scratch"];

/** Declares the options of `deno task sample`. */
export function declareOptions(program: Command): void {
  const choice = (flags: string, text: string, choices: readonly string[], value: string) =>
    program.addOption(new Option(flags, text).choices([...choices]).default(value));
  program
    .option("--run <dir>", "folder that train wrote; without it, the digits model in assets/")
    .option("--checkpoint <file>", "an ARPG instead of a run's: a published one, or what the digits_arpg job wrote")
    .option("--tokenizer <file>", "the tokenizer of its codes; default assets/digits_tokenizer.safetensors");
  choice("--model <name>", "which model of a digits_ar_grpo run", models, "model");
  program
    .option("--classes <list>", "classes to paint in turn, such as 7 or 0-4 or 1,3,5", "0-9")
    .option("--count <n>", "number of images", "100")
    .option("--seed <n>", "of the sampling; the same seed paints the same images", "0")
    .option("--temperature <t>", "divides the logits; 0 takes the likeliest", "1");
  choice("--schedule <name>", "how many cells at each step", decodeSchedules, "arccos");
  program.option(
    "--steps <n>",
    "steps, at most one a cell; with a policy one of its targets, by default the most",
    "12",
  );
  choice("--order <name>", "where", decodeOrders, "random");
  program
    .option("--policy <file>", "checkpoints/policy.safetensors of a run: it decides how many cells, and where")
    .option("--greedy", "the policy takes the likeliest number and the best cells instead of drawing them")
    .option("--speed <x>", "multiplies the policy's numbers of cells");
  program.option("--guidance <s>", "scale of classifier-free guidance; 1 for none, which halves the work", "1.5");
  choice("--guidance-form <name>", "constant, or rising with what is painted", ["constant", "linear"], "constant");
  program
    .option("--top-k <k>", "keep the k likeliest tokens")
    .option("--top-p <p>", "keep the likeliest tokens of probability p in all");
  choice("--dtype <name>", "of weights and caches", ["float32", "float16"], "float32");
  program
    .option("--inpaint <image>", "PNG, JPEG or GIF to keep, but for the mask")
    .option("--mask <image>", "where it is white, the image is painted anew")
    .option("--npz <file>", "write the images: arr_0 uint8 [N, H, W, C], labels int64 [N]")
    .option("--grid <file>", "write the images as a PNG")
    .option("--gif <file>", "write the painting, step by step, as a GIF")
    .option("--steps-grid <file>", "write the steps of all cells as colours, as a PNG");
}

/** The numbers as commander gives them; choices it has checked. */
type RawOptions =
  & Omit<SampleRequest, NumberOption | "guidance" | "topK" | "topP" | "speed" | "forTokens">
  & Readonly<Record<NumberOption | "guidance", string>>
  & Readonly<Partial<Record<"topK" | "topP" | "speed", string>>>
  & { readonly guidanceForm: "constant" | "linear" };
type NumberOption = "count" | "seed" | "temperature" | "steps";

/** Reads the options. @throws {UserError} for values out of range, or nothing to write. */
export function readRequest(program: Command): SampleRequest {
  const options = program.opts<RawOptions>();
  if ([options.npz, options.grid, options.gif, options.stepsGrid].every((file) => file === undefined)) {
    throw new UserError("Nothing to write: name a file with --npz, --grid, --gif or --steps-grid");
  }
  if ((options.inpaint === undefined) !== (options.mask === undefined)) {
    throw new UserError("Cannot inpaint: --inpaint IMAGE and --mask IMAGE go together");
  }
  if (options.run !== undefined && options.checkpoint !== undefined) {
    throw new UserError("Cannot sample from two models: give --run or --checkpoint");
  }
  const { topK, topP, speed, ...others } = options;
  return {
    ...others,
    ...(topK === undefined ? {} : { topK: wholeNumber("--top-k", topK, 1, 65535) }),
    ...(topP === undefined ? {} : { topP: numberBetween("--top-p", topP, 1e-6, 1) }),
    ...(speed === undefined ? {} : { speed: numberBetween("--speed", speed, 0.01, 100) }),
    count: wholeNumber("--count", options.count, 1, 1_000_000),
    seed: wholeNumber("--seed", options.seed, 0, 0xffffffff),
    temperature: numberBetween("--temperature", options.temperature, 0, 1000),
    steps: wholeNumber("--steps", options.steps, 1, 65535),
    guidance: { scale: numberBetween("--guidance", options.guidance, 0, 1000), form: options.guidanceForm },
    forTokens: tokenOptions.filter((name) => program.getOptionValueSource(name) === "cli"),
  };
}

/**
 * Images in a row of a grid: about twenty, or ten of large ones. Rows are whole rounds through the classes, or equal
 * parts of a round, where such a number is near.
 *
 * @param pixels side of an image in the grid.
 */
export function gridColumns(classes: number, pixels = 64): number {
  const most = pixels > 128 ? 10 : 20;
  if (classes <= most) return classes * Math.floor(most / classes);
  for (let columns = most; columns > most / 2; columns--) {
    if (classes % columns === 0) return columns;
  }
  return most;
}
