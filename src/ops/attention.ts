import shader from "../../shaders/attention.wgsl" with { type: "text" };
import blockShader from "../../shaders/attention_block.wgsl" with { type: "text" };
import registerShader from "../../shaders/attention_register.wgsl" with { type: "text" };
import subgroupShader from "../../shaders/attention_subgroup.wgsl" with { type: "text" };
import subgroupBackwardShader from "../../shaders/attention_subgroup_backward.wgsl" with { type: "text" };
import { type Device, foldGrid } from "../tensor/device.ts";
import { requireRank, requireShape, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineOp } from "./op.ts";
import { requireDType } from "./require_dtype.ts";

/**
 * Which kernels: `reference` takes any sizes, `register` (a lane per row) and `block` (GPUs: tiles in workgroup memory)
 * head sizes that are a multiple of 4 up to 128, and `subgroup` (software adapters with subgroups of 8 lanes) those that
 * are a multiple of 4.
 */
export type AttentionVariant = "reference" | "register" | "subgroup" | "block";

/** Attributes of {@link attentionOp}; its inputs are q, k, v and, for `steps`, querySteps and keySteps. */
export interface AttentionAttributes {
  /** Factor of the logits; default `1 / sqrt(D)`. */
  readonly scale?: number;
  /** Which keys a query sees. */
  readonly visibility: "none" | "causal" | "steps";
  /** Default: the fastest that fits the adapter and the sizes. */
  readonly variant?: AttentionVariant;
}

/** A validated call: the tensors and sizes that every kernel of the op takes. */
interface Plan {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  /** querySteps and keySteps. */
  readonly steps: readonly [Tensor, Tensor];
  readonly sizes: Readonly<Record<"visibility" | "heads" | "tq" | "tk" | "d" | "query_stride" | "key_stride", number>>;
  readonly scale: number;
  /** B H. */
  readonly batchHeads: number;
  readonly variant: AttentionVariant;
}

/** Kernels by the axis that their lanes own, with the products of Tq x Tk x D multiply-adds that they make. */
const kernels = {
  forward: { owns: "queries", products: 2, subgroup: { name: "attention_subgroup", text: subgroupShader } },
  backward_q: {
    owns: "queries",
    products: 3,
    subgroup: { name: "attention_subgroup_backward", text: subgroupBackwardShader },
  },
  backward_kv: {
    owns: "keys",
    products: 4,
    subgroup: { name: "attention_subgroup_backward", text: subgroupBackwardShader },
  },
} as const;

const reference = { name: "attention", text: shader };
const block = { name: "attention_block", text: blockShader };
const register = { name: "attention_register", text: registerShader };
/** Variants by what the table of kernels calls their families. */
const variants = { plain: "reference", register: "register", lane: "subgroup", block: "block" } as const;
const visibilityCodes = { none: 0, causal: 1, steps: 2 };
/** Software adapters stop a lane's loops, silently, after this many iterations. */
const maxIterations = 65535;
/** Tq x Tk x D below which copying the operands to textures costs more than it gains. */
const minProducts = 25_000;
const maxHeadSize = 8192;
const lanes = 32;

/** The op behind {@link attention}. */
export const attentionOp = defineOp({
  name: "attention",
  shader,
  shape(
    [q, k, v, querySteps, keySteps]: readonly [Tensor, Tensor, Tensor, ...Tensor[]],
    attributes: AttentionAttributes,
  ): Plan {
    requireRank("attention", "q", q.shape, 4);
    requireRank("attention", "k", k.shape, 4);
    const [batch, heads, tq, d] = q.shape as [number, number, number, number];
    const tk = k.shape[2]!;
    requireShape("attention", "k", k.shape, [batch, heads, tk, d]);
    requireShape("attention", "v", v.shape, k.shape);
    for (const [what, tensor] of Object.entries({ q, k, v })) requireDType("attention", what, tensor, "f32");
    if (d > maxHeadSize) {
      throw new RangeError(
        `Cannot apply attention: head size must be at most ${maxHeadSize}, got ${d}; use more heads`,
      );
    }
    if (attributes.visibility === "steps") {
      requireSteps("querySteps", querySteps, batch, tq);
      requireSteps("keySteps", keySteps, batch, tk);
    }
    const sizes = {
      visibility: visibilityCodes[attributes.visibility],
      heads,
      tq,
      tk,
      d,
      query_stride: querySteps?.shape.length === 2 ? tq : 0,
      key_stride: keySteps?.shape.length === 2 ? tk : 0,
    };
    return {
      q,
      k,
      v,
      // The kernels bind five inputs in every mode; where there are no steps, q and k stand in and are not read as such.
      steps: [querySteps ?? q, keySteps ?? k],
      sizes,
      scale: attributes.scale ?? 1 / Math.sqrt(d),
      batchHeads: batch * heads,
      variant: attributes.variant ?? fastestVariant(q.device, batch * heads * tq * tk * d, Math.max(tq, tk), d),
    };
  },
  forward(run, [q, k, v], _attributes, plan) {
    const o = run.empty(q.shape);
    const logsumexp = run.empty(q.shape.slice(0, 3));
    using _scope = run.device.scope(); // of textures
    launch("forward", plan, [...operandsOf(plan, [q, k, v]), ...plan.steps], [o, logsumexp]);
    return { out: o, saved: { plan, o, logsumexp } };
  },
  backward(run, { plan, o, logsumexp }, dout, [wantedQ, wantedK, wantedV]) {
    const { q, k, v, steps, sizes, batchHeads, scale } = plan;
    const stats = run.empty([...logsumexp.shape, 2]);
    const rows = batchHeads * sizes.tq;
    run.kernel("backward_stats", {
      read: [logsumexp, o, dout],
      write: [stats],
      params: { ...sizes, scale, rows, begin: 0, end: 0 },
      grid: foldGrid(Math.ceil(rows / lanes)),
    });
    const dq = wantedQ ? run.empty(q.shape) : null;
    const dkv = wantedK || wantedV ? [run.empty(k.shape), run.empty(v.shape)] as const : null;
    using _scope = run.device.scope();
    const operands = operandsOf(plan, [q, k, v, dout]);
    const read = [...operands.slice(0, 3), ...steps, operands[3]!, stats];
    if (dq) launch("backward_q", plan, read, [dq]);
    if (dkv) launch("backward_kv", plan, read, dkv);
    return [dq, ...dkv ?? [null, null]];
  },
});

/** What the table says, or the reference where that does not suit the sizes or would loop for too long. */
function fastestVariant({ gpu: { table } }: Device, products: number, length: number, d: number): AttentionVariant {
  const variant = variants[table.attention];
  const suits = {
    reference: true,
    register: d <= 128 && length < maxIterations,
    subgroup: products >= minProducts && Math.ceil(length / 16) * (d / 2 + 3) < maxIterations,
    block: d <= 128 && Math.ceil(length / 32) * (d / 16 + 10) < maxIterations,
  }[variant];
  return suits && d % 4 === 0 ? variant : "reference";
}

function requireSteps(what: string, steps: Tensor | undefined, batch: number, length: number): void {
  const wanted = `an i32 tensor of shape ${showShape([length])} or ${showShape([batch, length])}`;
  const fits = steps?.dtype === "i32" && steps.shape[steps.shape.length - 1] === length &&
    (steps.shape.length === 1 || (steps.shape.length === 2 && steps.shape[0] === batch));
  if (fits) return;
  const got = steps ? `${steps.dtype} ${showShape(steps.shape)}` : "none";
  throw new RangeError(`Cannot apply attention: ${what} must be ${wanted}, got ${got}`);
}

/**
 * What the kernels read rows of: the subgroup variant takes them from textures, where loads are far cheaper. They belong
 * to a scope of this op, which ends with it, for the scope around may hold many layers; those that a capture shares
 * belong to whoever was first.
 */
function operandsOf({ variant, q: { device } }: Plan, tensors: readonly Tensor[]): readonly Tensor[] {
  return variant === "subgroup" ? tensors.map((tensor) => device.texture(tensor)) : tensors;
}

/** Launches a kernel whose lanes own rows of one axis and loop over the other. */
function launch(entry: keyof typeof kernels, plan: Plan, read: readonly Tensor[], write: readonly Tensor[]): void {
  const { sizes, scale, batchHeads, q: { device } } = plan;
  const { owns, products, subgroup } = kernels[entry];
  const [own, other] = owns === "keys" ? [sizes.tk, sizes.tq] : [sizes.tq, sizes.tk];
  const cost = { flops: 2 * products * batchHeads * sizes.tq * sizes.tk * sizes.d };
  if (plan.variant === "subgroup") {
    // A larger tile makes fewer loads; short axes would leave it half empty, and it takes seconds to compile.
    const overrides = Math.min(own, other) >= 128 ? { OWN: 4, OTHER: 4 } : { OWN: 1, OTHER: 2 };
    const grid = foldGrid(batchHeads * Math.ceil(own / (8 * overrides.OWN)));
    const params = { ...sizes, scale, batch_heads: batchHeads };
    device.launch(subgroup, entry, { read, write, params, overrides, grid, cost });
    return;
  }
  if (plan.variant === "block") {
    const grid = foldGrid(batchHeads * Math.ceil(own / 64));
    const params = { ...sizes, scale, batch_heads: batchHeads };
    device.launch(block, entry, { read, write, params, overrides: { D4: sizes.d / 4 }, grid, cost });
    return;
  }
  const rows = batchHeads * own;
  if (plan.variant === "register") {
    const overrides = { D4: sizes.d / 4 };
    const grid = foldGrid(Math.ceil(rows / 64));
    device.launch(register, entry, { read, write, params: { ...sizes, scale, rows }, overrides, grid, cost });
    return;
  }
  const grid = foldGrid(Math.ceil(rows / lanes));
  // A row of the other axis takes a lane one iteration and two loops over D, each of which counts one more for its end;
  // clearing and normalising the output take two loops more.
  const most = Math.floor((maxIterations - 2 * (sizes.d + 1)) / (2 * sizes.d + 3));
  for (let begin = 0; begin < other; begin += most) {
    const end = Math.min(other, begin + most);
    const part = { flops: cost.flops * (end - begin) / other };
    device.launch(reference, entry, { read, write, params: { ...sizes, scale, rows, begin, end }, grid, cost: part });
  }
}

/** Options of {@link attention}. */
export interface AttentionOptions {
  /** Factor of the logits; default `1 / sqrt(D)`. */
  readonly scale?: number;
  /**
   * Which keys a query sees: all (`none`, the default), keys `j <= i + Tk - Tq` (`causal`), or by i32 steps those with
   * `keySteps[j] <= querySteps[i]`; each of the two is `[T]` or, per sample, `[B, T]`.
   */
  readonly visibility?: "none" | "causal" | { readonly querySteps: Tensor; readonly keySteps: Tensor };
}

/**
 * Scaled dot-product attention: q `[B, H, Tq, D]`, k and v `[B, H, Tk, D]` -> o `[B, H, Tq, D]`.
 *
 * Forward `o_i = sum_j p_ij v_j` with `p_ij = exp(s_ij - L_i)`, `s_ij = scale <q_i, k_j>`, `L_i = log sum_j exp(s_ij)`
 * over the visible keys; a query that sees no key gives zeros and takes no gradient. Backward, with `do` the gradient of
 * o and `ds_ij = p_ij (<do_i, v_j> - <do_i, o_i>)`: `dq_i = scale sum_j ds_ij k_j`, `dk_j = scale sum_i ds_ij q_i`,
 * `dv_j = sum_i p_ij do_i`. No Tq x Tk matrix is stored: forward is an online softmax, backward recomputes p from L
 * (Dao et al. 2022, FlashAttention, arXiv 2205.14135).
 *
 * @throws {RangeError} for shapes that do not match, a head size above 8192, or steps that are not i32 of their axis.
 */
export function attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const { visibility = "none", scale } = options;
  const attributes = scale === undefined ? {} : { scale };
  if (typeof visibility === "string") return attentionOp([q, k, v], { ...attributes, visibility });
  const { querySteps, keySteps } = visibility;
  return attentionOp([q, k, v, querySteps, keySteps], { ...attributes, visibility: "steps" });
}
