import assert from "node:assert/strict";
import type { KernelTable } from "../../src/gpu/kernel_table.ts";
import type { Op } from "../../src/ops/op.ts";
import { type Shape, showShape } from "../../src/tensor/shape.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { assertAllClose } from "./assert_all_close.ts";
import { deviceWith, testDevice } from "./device.ts";
import { seededRandom } from "./random.ts";
import { Ref } from "./ref.ts";

type Outputs = Ref | readonly Ref[];

/** A case to try: input shapes, attributes, and values where random ones will not do. */
export interface OpCase<A> {
  readonly shapes: readonly Shape[];
  /** Left out for ops without attributes. */
  readonly attributes?: A;
  /** Values of an input by position; others are random in [-2, 2). `i32` inputs must be given. */
  readonly values?: readonly (ArrayLike<number> | undefined)[];
  /** Added to the test's name. */
  readonly note?: string;
}

/** An executable specification in float64. */
export interface OpSpecification<A> {
  readonly reference: {
    forward(inputs: readonly Ref[], attributes: A): Outputs;
    /** Gradients of the inputs, null for integer inputs; left out for ops without gradient. */
    backward?(
      inputs: readonly Ref[],
      outputs: readonly Ref[],
      grads: readonly Ref[],
      attributes: A,
    ): readonly (Ref | null)[];
  };
  readonly cases: readonly OpCase<A>[];
  /** Random value of input `input` from u in [0, 1), where [-2, 2) is outside the op's domain. */
  readonly sample?: (u: number, input: number) => number;
  /** Positions of integer (i32) inputs, which get no gradient. */
  readonly integers?: readonly number[];
  /** Allowed error of the kernels, times max(1, max |expected|); float32 and the adapter's functions set it. */
  readonly tolerance?: number;
  /** Kernels to run instead of the adapter's. */
  readonly table?: Partial<KernelTable>;
}

/**
 * Registers the tests of an op, two a case: the reference's backward against central differences in float64 (1e-7),
 * and the kernels' forward and every backward against the reference.
 */
// deno-lint-ignore no-explicit-any -- ops differ in their input tuples
export function checkOp<A>(op: Op<any, A, Tensor | readonly Tensor[]>, spec: OpSpecification<A>): void {
  assert.equal(op.differentiable, spec.reference.backward !== undefined, `${op.opName}: backward needs a reference`);
  spec.cases.forEach((testCase, number) => {
    const label = `${op.opName} ${spec.table ? Object.values(spec.table).join(" ") + " " : ""}${
      testCase.shapes.map(showShape).join(" ")
    }${testCase.note ? ` ${testCase.note}` : ""} #${number}`;
    const attributes = testCase.attributes ?? {} as A;
    const random = seededRandom(1000 + number);
    const inputs = testCase.shapes.map((shape, i) => {
      const given = testCase.values?.[i];
      const sample = spec.sample ?? ((u: number) => 4 * u - 2);
      return new Ref(shape, given).map((value) => Math.fround(given ? value : sample(random(), i)));
    });
    const outputs = asList(spec.reference.forward(inputs, attributes));
    const weights = outputs.map((output) => output.map(() => Math.fround(2 * random() - 1)));
    const grads = spec.reference.backward?.(inputs, outputs, weights, attributes);
    if (grads) {
      Deno.test(`${label}: reference gradient against central differences`, () =>
        checkReference(spec, attributes, inputs, weights, grads, random));
    }
    Deno.test(`${label}: kernels against the reference`, async () => {
      const device = await (spec.table ? deviceWith(spec.table) : testDevice());
      using _scope = device.scope();
      const tensors = inputs.map((input, i) => {
        const integer = spec.integers?.includes(i);
        const tensor = device.tensor(
          integer ? Int32Array.from(input.data) : Float32Array.from(input.data),
          input.shape,
        );
        tensor.requiresGrad = !integer && grads !== undefined;
        return tensor;
      });
      const out = asList(op(tensors, attributes));
      assert.equal(out.length, outputs.length);
      const tolerance = spec.tolerance ?? 1e-5;
      for (const [i, tensor] of out.entries()) {
        assert.deepEqual([...tensor.shape], [...outputs[i]!.shape]);
        assertAllClose(await tensor.data(), outputs[i]!.data, tensor.dtype === "f32" ? tolerance : 0, `output ${i}`);
      }
      if (!grads) return;
      const found = gradientsOf(out, weights.map((w) => device.tensor(Float32Array.from(w.data), w.shape)), tensors);
      for (const [i, grad] of grads.entries()) {
        if (!grad) continue;
        assertAllClose(await found[i]!.data(), grad.data, tolerance, `gradient of input ${i}`);
      }
    });
  });
}

/** Gradients of sum_i <out_i, weight_i>: a node with no kernel seeds the tape with the weights. */
function gradientsOf(out: readonly Tensor[], weights: readonly Tensor[], inputs: readonly Tensor[]): Tensor[] {
  const { device } = out[0]!;
  const loss = device.zeros([1]);
  loss.requiresGrad = true;
  loss.node = { id: device.nodes++, op: "weighted sum", inputs: out, outputs: [loss], backward: () => weights };
  return gradients(loss, inputs);
}

function asList<T extends object>(out: T | readonly T[]): readonly T[] {
  return Array.isArray(out) ? out : [out as T];
}

function checkReference<A>(
  spec: OpSpecification<A>,
  attributes: A,
  inputs: readonly Ref[],
  weights: readonly Ref[],
  grads: readonly (Ref | null)[],
  random: () => number,
): void {
  const loss = (at: readonly Ref[]) =>
    asList(spec.reference.forward(at, attributes)).reduce(
      (sum, output, i) => sum + output.data.reduce((s, value, j) => s + value * weights[i]!.data[j]!, 0),
      0,
    );
  grads.forEach((grad, k) => {
    if (!grad) return;
    assert.deepEqual([...grad.shape], [...inputs[k]!.shape]);
    const size = grad.data.length;
    // Every element of a small input; a large one along random directions, which costs the same at any size.
    const directions = size <= 24
      ? Array.from({ length: size }, (_, e) => Float64Array.from({ length: size }, (_, i) => i === e ? 1 : 0))
      : Array.from(
        { length: 3 },
        () => Float64Array.from({ length: size }, () => (2 * random() - 1) / Math.sqrt(size)),
      );
    for (const direction of directions) {
      const h = 1e-4;
      const moved = (step: number) =>
        loss(inputs.map((input, i) => i === k ? input.map((value, j) => value + step * direction[j]!) : input));
      // Fourth-order central difference: error O(h^4), so that 1e-7 is within reach of float64.
      const numeric = (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h);
      const analytic = grad.data.reduce((sum, value, i) => sum + value * direction[i]!, 0);
      const scale = Math.max(1, Math.abs(analytic), Math.abs(numeric));
      assert.ok(
        Math.abs(numeric - analytic) <= 1e-7 * scale,
        `gradient of input ${k}: ${analytic} by the formula, ${numeric} by differences`,
      );
    }
  });
}
