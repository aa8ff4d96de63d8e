import accumulateShader from "../../shaders/accumulate.wgsl" with { type: "text" };
import { foldGrid } from "./device.ts";
import { requireShape, sameShape, showShape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

const accumulate = { name: "accumulate", text: accumulateShader };

/** One op on the tape: how the gradients of its outputs become those of its inputs. */
export interface TapeNode {
  /** Place in time: backward goes through falling ids. */
  readonly id: number;
  /** Name of the op, for error messages. */
  readonly op: string;
  /** What it read. */
  readonly inputs: readonly Tensor[];
  /** What it wrote. */
  readonly outputs: readonly Tensor[];
  /** Gradients of the inputs that are wanted; null for the others. `null` in `grads` stands for zero. */
  backward(grads: readonly (Tensor | null)[], wanted: readonly boolean[]): readonly (Tensor | null)[];
}

/** Puts an op on the tape and marks its outputs, where gradients are enabled and an input wants one. */
export function recordNode(node: Omit<TapeNode, "id">): void {
  const { device } = node.outputs[0]!;
  if (!device.gradEnabled || !node.inputs.some((input) => input.requiresGrad)) return;
  const made = { ...node, id: device.nodes++ };
  for (const output of node.outputs) {
    output.node = made;
    output.requiresGrad = true;
  }
}

/**
 * Gradients of a scalar by reverse-mode differentiation, `d loss / d x` for every `x` of `wrt`, in that order. A tensor
 * that the loss does not depend on gets zeros. The tensors live in the present scope.
 *
 * @param loss one element.
 * @throws {RangeError} for a loss of more than one element.
 */
export function gradients(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  if (loss.size !== 1) {
    throw new RangeError(
      `Cannot differentiate shape ${showShape(loss.shape)}: the loss must have one element; take a mean or sum`,
    );
  }
  const { device } = loss;
  return device.noGrad(() => {
    const grads = new Map<Tensor, Tensor>([[loss, device.full(loss.shape, 1)]]);
    for (const node of nodesOf(loss)) {
      const incoming = node.outputs.map((output) => grads.get(output) ?? null);
      if (incoming.every((grad) => grad === null)) continue;
      const wanted = node.inputs.map((input) => input.requiresGrad);
      node.backward(incoming, wanted).forEach((grad, i) => {
        const input = node.inputs[i]!;
        if (!grad || !wanted[i]) return;
        if (!sameShape(grad.shape, input.shape)) {
          throw new Error(`${node.op}: gradient ${showShape(grad.shape)} for an input ${showShape(input.shape)}`);
        }
        const before = grads.get(input);
        grads.set(input, before ? sum(before, grad) : grad);
      });
    }
    return wrt.map((tensor) => grads.get(tensor) ?? device.zeros(tensor.shape));
  });
}

/** The nodes that lead to `loss`, the latest first: ids grow with time, so this is a topological order. */
function nodesOf(loss: Tensor): TapeNode[] {
  const seen = new Set<TapeNode>();
  const open = [loss];
  for (let tensor = open.pop(); tensor; tensor = open.pop()) {
    if (!tensor.node || seen.has(tensor.node)) continue;
    seen.add(tensor.node);
    open.push(...tensor.node.inputs);
  }
  return [...seen].sort((a, b) => b.id - a.id);
}

/**
 * Sums of gradients, tensor by tensor, for accumulation over micro-batches: `total = addGradients(total, gradients(..))`.
 * The sums are new tensors of the present scope.
 *
 * @throws {RangeError} for lists of different lengths or shapes.
 */
export function addGradients(a: readonly Tensor[], b: readonly Tensor[]): Tensor[] {
  if (a.length !== b.length) throw new RangeError(`Cannot add ${b.length} gradients to ${a.length}`);
  return a.map((grad, i) => {
    requireShape("addGradients", `gradient ${i}`, b[i]!.shape, grad.shape);
    return sum(grad, b[i]!);
  });
}

/** Adds two gradients into a new tensor: either may be shared with another edge of the graph. */
export function sum(a: Tensor, b: Tensor): Tensor {
  const out = a.device.empty(a.shape);
  const n = out.size;
  a.device.launch(accumulate, "forward", {
    read: [a, b],
    write: [out],
    params: { n },
    grid: foldGrid(Math.ceil(n / 256)),
  });
  return out;
}
