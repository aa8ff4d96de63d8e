import shader from "../../shaders/policy_choice.wgsl" with { type: "text" };
import type { Choice, Probe } from "../models/probed_decoder.ts";
import { concat } from "../ops/concat.ts";
import { gumbelTopK } from "../ops/gumbel_top_k.ts";
import { sampleCategorical } from "../ops/sample_categorical.ts";
import { sampleWithRepulsion } from "../ops/plackett_luce_sample.ts";
import { slice } from "../ops/slice.ts";
import { foldGrid } from "../tensor/device.ts";
import type { Scope } from "../tensor/scope.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Decision, type DecisionLogProbs, decisionLogProbs, type ValidActions } from "./decision.ts";
import type { DecodingPolicy, PolicyOutput } from "./decoding_policy.ts";
import { type PolicyState, policyState } from "./policy_state.ts";
import type { StepBudget } from "./step_budget.ts";

const source = { name: "policy_choice", text: shader };

/** Philox stream of a policy's draws; the row key is the number of the rollout, the step is the decoding step. */
const choiceStream = 0x706f;
const purposes = { degree: 0, picks: 1 };

/** Everything an update must know of R steps of paintings: the state before the action, what was valid, the action. */
export interface Decisions extends Decision {
  /** `[R, ..]`. */
  readonly state: PolicyState;
  /** i32 `[R]`. */
  readonly classes: Tensor;
  /** `[R, D]` and `[R, N]`; all 0 in rows of paintings that were done. */
  readonly valid: ValidActions;
  /** `[R, D]`, log-probabilities of the hand schedule. */
  readonly prior: Tensor;
  /** 1 for a choice that was made, 0 for padding and in rows of paintings that were done. */
  readonly made: DecisionLogProbs;
  /** Under the policy that decided. */
  readonly logProbs: DecisionLogProbs;
}

/** What a policy says of decisions, its own or another's. */
export function reconsider(policy: DecodingPolicy, { state, classes, valid, prior }: Decisions): PolicyOutput {
  return policy.forward(state, classes, valid, prior);
}

/** Log-probabilities of decisions under what a policy says of them, choice by choice. */
export function logProbsOf(
  policy: DecodingPolicy,
  { heads, strength }: PolicyOutput,
  decision: Decision,
): DecisionLogProbs {
  const { closeness } = policy;
  return decisionLogProbs(heads, decision, strength && closeness ? { strength, closeness } : undefined);
}

/** Settings of a {@link PolicyChoice}. */
export interface PolicyChoiceOptions {
  /** B, paintings at once. */
  readonly batch: number;
  /** Of both heads: 1 draws by the policy's law, 0 takes the likeliest degree and the best cells. */
  readonly temperature: number;
  /** Whether the decisions are kept for an update; default no. */
  readonly keep?: boolean;
}

/** Who paints what: one entry a painting. */
export interface Paintings {
  /** Class, negative for none. */
  readonly classes: ArrayLike<number>;
  /** Target steps, each one of the budget's. */
  readonly targets: ArrayLike<number>;
  /** Number of the rollout, which names the policy's random numbers. */
  readonly rollouts: ArrayLike<number>;
}

/** A policy as the `choose` of a `ProbedDecoder`. */
export class PolicyChoice {
  readonly #steps: { readonly at: Omit<Decisions, "classes">; readonly classes: Tensor }[] = [];
  readonly #inputs: Record<"classes" | "base" | "targets" | "rollouts", Tensor>;
  readonly #tables: Record<"valid" | "prior" | "degrees", Tensor>;
  readonly #most: number;

  /** Uploads the tables of the budget. */
  constructor(
    private readonly policy: DecodingPolicy,
    private readonly budget: StepBudget,
    private readonly options: PolicyChoiceOptions,
  ) {
    const { device } = [...policy.parameters().values()][0]!;
    const { batch } = options;
    const { degrees } = budget.options;
    this.#most = Math.max(...degrees);
    const rows = budget.valid.length / degrees.length;
    this.#tables = device.persistent(() => ({
      valid: device.tensor(budget.valid, [rows, degrees.length]),
      prior: device.tensor(budget.prior, [rows, degrees.length]),
      degrees: device.tensor(Int32Array.from(degrees)),
    }));
    const ids = () => device.zeros([batch], "i32");
    this.#inputs = device.persistent(() => ({
      classes: ids(),
      base: ids(),
      targets: device.zeros([batch]),
      rollouts: ids(),
    }));
  }

  /** Says what the next decoding paints. @throws {RangeError} for a target that the budget does not know. */
  write({ classes, targets, rollouts }: Paintings): void {
    const none = this.policy.config.classes;
    this.#inputs.classes.write(Int32Array.from(classes, (label) => label < 0 ? none : label));
    this.#inputs.base.write(Int32Array.from(targets, (target) => this.budget.base(target)));
    this.#inputs.targets.write(Float32Array.from(targets));
    this.#inputs.rollouts.write(Int32Array.from(rollouts));
  }

  /** Decides a step; to be recorded. */
  readonly choose = (probe: Probe, scope: Scope): Choice => {
    const { policy, options: { temperature, keep } } = this;
    const { device } = probe.remaining;
    return device.noGrad(() => {
      const { valid, prior, progress } = this.#lookUp(probe);
      const { unpainted, signals } = probe;
      const { classes, rollouts } = this.#inputs;
      const state = policyState({ unpainted, signals, progress }, policy.config.state);
      const actions = { degrees: valid, cells: unpainted };
      const output = policy.forward(state, classes, actions, prior);
      const key = (purpose: number) => ({ seed: probe.seed, stream: choiceStream, step: probe.step, purpose });
      const degree = sampleCategorical(output.heads.degreeLogits, rollouts, { temperature, key: key(purposes.degree) });
      const draw = { k: this.#most, temperature, key: key(purposes.picks) };
      const { heads: { scores }, strength } = output;
      const drawn = strength && policy.closeness
        ? sampleWithRepulsion(scores, unpainted, rollouts, { strength, closeness: policy.closeness }, draw)
        : gumbelTopK(scores, unpainted, rollouts, draw);
      // More picks than the degree: the decoder takes as many as it needs, which a speed may raise.
      if (!keep) return { degree, picks: drawn };
      const { picks, made } = this.#cut(probe, degree, drawn);
      const logProbs = logProbsOf(policy, output, { degree, picks });
      const at = { state, valid: actions, prior, degree, picks, made, logProbs };
      for (const each of [made, logProbs]) [each.degree, each.picks].forEach((tensor) => scope.keep(tensor));
      for (const tensor of [state.cells, state.canvas, valid, unpainted, prior, degree, picks]) scope.keep(tensor);
      this.#steps.push({ at, classes });
      return { degree, picks };
    });
  };

  /**
   * The decisions of all T steps of the paintings `from` to `to`, step by step, for a capture after the decoding's:
   * `R = T (to - from)` rows.
   */
  decisions(from: number, to: number): Decisions {
    const join = (part: (step: Omit<Decisions, "classes">) => Tensor) =>
      rowsBetween(this.#steps.map(({ at }) => part(at)), from, to);
    return {
      state: { cells: join(({ state }) => state.cells), canvas: join(({ state }) => state.canvas) },
      classes: rowsBetween(this.#steps.map(({ classes }) => classes), from, to),
      valid: { degrees: join(({ valid }) => valid.degrees), cells: join(({ valid }) => valid.cells) },
      prior: join(({ prior }) => prior),
      degree: join(({ degree }) => degree),
      picks: join(({ picks }) => picks),
      made: { degree: join(({ made }) => made.degree), picks: join(({ made }) => made.picks) },
      logProbs: { degree: join(({ logProbs }) => logProbs.degree), picks: join(({ logProbs }) => logProbs.picks) },
    };
  }

  #lookUp({ remaining, step }: Probe): { valid: Tensor; prior: Tensor; progress: Tensor } {
    const { device } = remaining, { batch } = this.options;
    const { steps, options: { degrees, cells } } = this.budget;
    const { base, targets } = this.#inputs;
    const valid = device.empty([batch, degrees.length], "i32"), prior = device.empty(valid.shape);
    const progress = device.empty([batch, 2]);
    device.launch(source, "look_up", {
      read: [remaining, base, targets, this.#tables.valid, this.#tables.prior],
      write: [valid, prior, progress],
      params: { batch, cols: degrees.length, cells, step, scale: 1 / steps },
      grid: foldGrid(Math.ceil(valid.size / 64)),
    });
    return { valid, prior, progress };
  }

  #cut({ remaining, step }: Probe, degree: Tensor, drawn: Tensor): { picks: Tensor; made: DecisionLogProbs } {
    const [batch, cols] = drawn.shape as [number, number];
    const { device } = drawn, picks = device.empty(drawn.shape, "i32");
    const made = { degree: device.empty([batch]), picks: device.empty(drawn.shape) };
    device.launch(source, "cut", {
      read: [remaining, this.#tables.degrees, degree, drawn],
      write: [picks, made.picks, made.degree],
      params: { batch, cols, cells: this.budget.options.cells, step, scale: 1 },
      grid: foldGrid(Math.ceil(picks.size / 64)),
    });
    return { picks, made };
  }

  /** Gives the memory of tables and inputs back. */
  dispose(): void {
    for (const tensor of [...Object.values(this.#tables), ...Object.values(this.#inputs)]) tensor.dispose();
  }
}

/** The rows `from` to `to` of every tensor, one below the other. */
function rowsBetween(tensors: readonly Tensor[], from: number, to: number): Tensor {
  return concat(tensors.map((tensor) => from === 0 && to === tensor.shape[0] ? tensor : slice(tensor, 0, from, to)), 0);
}
