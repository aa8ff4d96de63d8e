import type { ShaderSource } from "../gpu/kernel.ts";
import type { Device, Launch } from "../tensor/device.ts";
import type { DType } from "../tensor/dtype.ts";
import type { Shape } from "../tensor/shape.ts";
import { recordNode } from "../tensor/tape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What `forward` and `backward` work with: fresh tensors and the kernels of the op's own shader. */
export interface Run {
  /** Where the inputs live. */
  readonly device: Device;
  /** A tensor with undefined contents; the kernel that follows writes all of it. */
  empty(shape: Shape, dtype?: DType): Tensor;
  /** A tensor of zeros. */
  zeros(shape: Shape, dtype?: DType): Tensor;
  /** Launches entry point `entry` of the op's shader: inputs, outputs, params, grid of workgroups. */
  kernel(entry: string, launch: Launch): void;
}

/** What an op computes. */
export type Outputs = Tensor | readonly Tensor[];
/** Gradients of the outputs: null for one of several that nothing depends on. */
export type GradOf<O> = O extends Tensor ? Tensor : readonly (Tensor | null)[];

/** An op's page: shape rule with all validation, forward, backward. See CONTRIBUTING.md, "How to add an op". */
export interface OpDefinition<I extends readonly Tensor[], A, P, O extends Outputs, S> {
  /** Basename of the three files. */
  readonly name: string;
  /** Text of `shaders/<name>.wgsl`. */
  readonly shader: string;
  /** Validates inputs and attributes and returns what forward needs of them, usually the output's shape. */
  shape(inputs: I, attributes: A): P;
  /** Computes the outputs; `saved` is what backward will see. */
  forward(run: Run, inputs: I, attributes: A, shape: P): { out: O; saved: S };
  /**
   * Gradients of the inputs in order, null where not wanted. They are written (`=`), never accumulated. Left out for
   * ops without gradient.
   */
  backward?(run: Run, saved: S, grad: GradOf<O>, wanted: readonly boolean[], attributes: A): readonly (Tensor | null)[];
}

/** A callable op that knows its definition. */
export interface Op<I extends readonly Tensor[], A, O> {
  (inputs: I, attributes: A): O;
  /** Basename of the three files. */
  readonly opName: string;
  /** The file of its kernels. */
  readonly shader: ShaderSource;
  /** True where it has a backward. */
  readonly differentiable: boolean;
}

/** Makes an op of its page. */
export function defineOp<I extends readonly Tensor[], A, P, O extends Outputs, S>(
  definition: OpDefinition<I, A, P, O, S>,
): Op<I, A, O> {
  const shader: ShaderSource = { name: definition.name, text: definition.shader };
  const call = (inputs: I, attributes: A): O => {
    const plan = definition.shape(inputs, attributes);
    const { device } = inputs[0] as Tensor;
    const run = runOn(device, shader);
    const { out, saved } = definition.forward(run, inputs, attributes, plan);
    if (definition.backward) {
      const single = !Array.isArray(out);
      recordNode({
        op: definition.name,
        inputs,
        outputs: single ? [out as Tensor] : out as readonly Tensor[],
        backward: (grads, wanted) =>
          definition.backward!(run, saved, (single ? grads[0] : grads) as GradOf<O>, wanted, attributes),
      });
    }
    return out;
  };
  return Object.assign(call, {
    opName: definition.name,
    shader,
    differentiable: definition.backward !== undefined,
  });
}

/** The `Run` of a shader on a device. */
export function runOn(device: Device, shader: ShaderSource): Run {
  return {
    device,
    empty: (shape, dtype) => device.empty(shape, dtype, shader.name),
    zeros: (shape, dtype) => device.zeros(shape, dtype),
    kernel: (entry, launch) => device.launch(shader, entry, launch),
  };
}
