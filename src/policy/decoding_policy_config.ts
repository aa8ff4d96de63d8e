import { z } from "zod";
import { type DecodeOrder, decodeOrders } from "../models/decode_order.ts";
import { type DecodeSchedule, decodeSchedules } from "../models/decode_schedule.ts";
import type { Shape } from "../tensor/shape.ts";
import { DegreeRule } from "./degree_rule.ts";
import { canvasFeatures, cellFeatures, type StateForm } from "./policy_state.ts";

/** What a policy starts from. */
export interface PolicyPrior {
  /** Whose counts the degree starts from. */
  readonly schedule: DecodeSchedule;
  /** How narrowly it keeps to them, see `handDegreeBias`. */
  readonly width: number;
  /** As `width`. */
  readonly floor: number;
  /** Whose places the scores start from. */
  readonly order: DecodeOrder;
  /** tau_0, what a place in the order takes off a score at the start; 0 for scores that know no order. */
  readonly trust: number;
}

/** Sizes of a {@link DecodingPolicy}, as its file and job configs spell them. */
export interface DecodingPolicyConfig {
  /** What the policy looks at: `blind` leaves out the signals of the frozen model. */
  readonly state: StateForm;
  /**
   * `conv` and `attention` treat all cells alike, with an embedding of the cell beside its features; `mlp` is the classic
   * form, whose every cell has weights of its own.
   */
  readonly network: "conv" | "attention" | "mlp";
  /** C, width of the hidden layers: a multiple of 4. */
  readonly hidden_dim: number;
  /** Convolutions or blocks of attention; the classic form always has its two. */
  readonly layers: number;
  /** D numbers of cells that a step may paint, rising. */
  readonly degrees: readonly number[];
  /** Numbers of steps that a painting may be asked to take, such as `[3, 4, 8]`. */
  readonly targets: readonly number[];
  /** T_max, most steps of any painting. */
  readonly max_steps: number;
  /** Steps that a painting may take beyond its target, up to T_max. */
  readonly slack: number;
  /** The rule made by hand that the policy starts from. */
  readonly prior: PolicyPrior;
  /** N, cells of the square grid. */
  readonly cells: number;
  /** Number of classes; the id `classes` stands for none. */
  readonly classes: number;
  /** Repulsion between the picks of a step with a learned strength, sigma in cells; null for none. */
  readonly repulsion: { readonly sigma: number } | null;
}

const count = z.int().min(1);

/** {@link DecodingPolicyConfig} as files hold it; bounded, since nobody should allocate what a file says. */
export const decodingPolicySchema = z.strictObject({
  state: z.enum(["confidence", "blind"]),
  network: z.enum(["conv", "attention", "mlp"]),
  hidden_dim: count.multipleOf(4).max(1024),
  layers: count.max(64),
  degrees: z.array(count).min(1).max(4096),
  targets: z.array(count).min(1).max(64),
  max_steps: count.max(4096),
  slack: z.int().min(0),
  prior: z.strictObject({
    schedule: z.enum(decodeSchedules).default("arccos"), // what a file says that says nothing of it
    width: z.number().positive(),
    floor: z.number().min(0).max(1),
    order: z.enum(decodeOrders).default("random"), // as `schedule`
    trust: z.number().min(0).default(0),
  }),
  cells: count.max(4096),
  classes: count,
  repulsion: z.strictObject({ sigma: z.number().positive() }).nullable(),
}) satisfies z.ZodType<DecodingPolicyConfig>;

/**
 * Checks a config and gives what follows from it.
 *
 * @throws {RangeError} for sizes that make no policy, and degrees that cannot paint the canvas in a target's steps.
 */
export function decodingPolicySizes(config: DecodingPolicyConfig): { readonly width: number; readonly heads: number } {
  const { hidden_dim, layers, classes, cells, degrees, targets, max_steps, slack } = config;
  const fail = (reason: string): never => {
    throw new RangeError(`Cannot make a decoding policy: ${reason}`);
  };
  for (const [name, size] of Object.entries({ hidden_dim, layers, classes })) {
    if (!Number.isInteger(size) || size < 1) fail(`${name} must be a positive integer, got ${size}`);
  }
  if (hidden_dim % 4) fail(`hidden_dim must be a multiple of 4, got ${hidden_dim}`);
  const width = Math.sqrt(cells);
  if (!Number.isInteger(width)) fail(`cells must be a square number, got ${cells}`);
  for (const target of targets) new DegreeRule({ degrees, steps: Math.min(max_steps, target + slack), cells });
  return { width, heads: hidden_dim % 16 ? 1 : hidden_dim / 16 };
}

/** Shapes of a policy's parameters by name. */
export function decodingPolicyShapes(config: DecodingPolicyConfig): Map<string, Shape> {
  const { network, hidden_dim: dim, layers, cells, classes, degrees, repulsion, prior } = config;
  const shapes = new Map<string, Shape>();
  const linear = (name: string, inputs: number, outputs: number) =>
    shapes.set(`${name}.weight`, [outputs, inputs]).set(`${name}.bias`, [outputs]);
  const norm = (name: string) => shapes.set(`${name}.weight`, [dim]).set(`${name}.bias`, [dim]);
  if (network === "mlp") {
    linear("policy.encoder.0", cells * cellFeatures + canvasFeatures + dim, dim);
    norm("policy.encoder.2");
    linear("policy.encoder.3", dim, dim);
    norm("policy.encoder.5");
    linear("policy.parallel_head.0", dim, dim / 2);
    linear("policy.parallel_head.2", dim / 2, degrees.length);
    linear("policy.position_head.0", dim, dim);
    linear("policy.position_head.2", dim, cells);
    shapes.set("classes.weight", [classes + 1, dim]);
  } else {
    linear("cells", cellFeatures, dim);
    linear("canvas", canvasFeatures, dim);
    const width = Math.sqrt(cells);
    shapes.set("classes.weight", [classes + 1, dim]).set("positions", [dim, width, width]);
    for (let l = 0; l < layers; l++) {
      if (network === "conv") shapes.set(`trunk.${l}.weight`, [dim, dim, 3, 3]).set(`trunk.${l}.bias`, [dim]);
      else {
        norm(`trunk.${l}.attn_norm`);
        for (const name of ["to_q", "to_k", "to_v", "proj"]) linear(`trunk.${l}.${name}`, dim, dim);
        norm(`trunk.${l}.ffn_norm`);
        linear(`trunk.${l}.up`, dim, 2 * dim);
        linear(`trunk.${l}.down`, 2 * dim, dim);
      }
    }
    if (network === "attention") norm("trunk.norm");
    shapes.set("score.weight", [1, dim]);
    linear("summary", 2 * dim + canvasFeatures, dim);
    linear("degree", dim, degrees.length);
  }
  if (repulsion) linear("strength", dim, 1);
  if (prior.trust > 0) linear("trust", dim, 1);
  return shapes;
}
