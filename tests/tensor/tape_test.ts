import assert from "node:assert/strict";
import type { Device } from "../../src/tensor/device.ts";
import { addGradients, gradients, recordNode } from "../../src/tensor/tape.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../support/device.ts";
import { applyAffine } from "../gpu/kernels.ts";

/** y = factor x on the tape. */
function scale(x: Tensor, factor: number): Tensor {
  const y = applyAffine(x, factor, 0);
  recordNode({ op: "scale", inputs: [x], outputs: [y], backward: ([dy]) => [applyAffine(dy!, factor, 0)] });
  return y;
}

/** Two outputs: 2 x and 3 x. `seen` notes which gradients came as zero. */
function fork(x: Tensor, seen: boolean[][] = []): [Tensor, Tensor] {
  const outputs: [Tensor, Tensor] = [applyAffine(x, 2, 0), applyAffine(x, 3, 0)];
  recordNode({
    op: "fork",
    inputs: [x],
    outputs,
    backward: (grads) => {
      seen.push(grads.map((grad) => grad !== null));
      const parts = grads.flatMap((grad, i) => grad ? [applyAffine(grad, i + 2, 0)] : []);
      return [parts.length === 2 ? addGradients([parts[0]!], [parts[1]!])[0]! : parts[0]!];
    },
  });
  return outputs;
}

/** sum of one-element tensors, which shares one gradient among all inputs. */
function total(inputs: readonly Tensor[], wants?: boolean[][]): Tensor {
  const [device] = [inputs[0]!.device];
  const y = inputs.reduce((sum, x) => addGradients([sum], [x])[0]!, device.zeros([1]));
  recordNode({
    op: "total",
    inputs,
    outputs: [y],
    backward: ([dy], wanted) => {
      wants?.push([...wanted]);
      return inputs.map(() => dy!);
    },
  });
  return y;
}

const parameter = (device: Device, ...values: number[]) => {
  const x = device.tensor(values);
  x.requiresGrad = true;
  return x;
};

async function values(tensors: readonly Tensor[]): Promise<number[]> {
  return (await tensors[0]!.device.read(tensors)).map((data) => data[0]!);
}

Deno.test("gradients add up over shared subexpressions, each visited once", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = parameter(device, 5), seen: boolean[][] = [];
  const [a, b] = fork(x, seen);
  const shared = scale(a, 10);
  const loss = total([shared, scale(shared, 7), b, shared]);
  assert.deepEqual(await values(gradients(loss, [x, a, shared, b, loss])), [2 * 10 * 9 + 3, 90, 9, 1, 1]);
  assert.deepEqual(seen, [[true, true]]);
});

Deno.test("a tensor used twice in one op gets both gradients", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = parameter(device, 5);
  assert.deepEqual(await values(gradients(total([x, x, x]), [x])), [3]);
});

Deno.test("an output that the loss does not use comes as null, an unused parameter gets zeros", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = parameter(device, 5), unused = parameter(device, 1, 2), seen: boolean[][] = [];
  const [, b] = fork(x, seen);
  const [dx, du] = gradients(total([b]), [x, unused]);
  assert.deepEqual(await values([dx!]), [3]);
  assert.deepEqual(du!.shape, [2]);
  assert.deepEqual([...await du!.data()], [0, 0]);
  assert.deepEqual(seen, [[false, true]]);
});

Deno.test("a loss without tape gives zeros, and itself one", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = parameter(device, 5), loss = device.tensor([3]);
  assert.deepEqual(await values(gradients(loss, [x, loss])), [0, 1]);
});

Deno.test("noGrad and detach cut the tape", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = parameter(device, 5);
  const silent = device.noGrad(() => scale(x, 100));
  assert.equal(silent.node, null);
  assert.ok(!silent.requiresGrad && device.gradEnabled);
  const kept = scale(x, 3);
  const loss = total([silent, kept.detach(), kept]);
  assert.deepEqual(await values(gradients(loss, [x])), [3]);
  assert.throws(() => device.noGrad(() => assert.fail("inside")), { message: "inside" });
  assert.ok(device.gradEnabled, "an error in noGrad enables gradients again");
  assert.equal(device.noGrad(() => device.noGrad(() => 4)), 4);
});

Deno.test("the backward pass leaves no tape of its own and asks for what is wanted", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = parameter(device, 5), constant = device.tensor([1]), wants: boolean[][] = [];
  const loss = total([x, constant], wants);
  const nodes = device.nodes;
  const [dx] = gradients(loss, [x]);
  assert.equal(device.nodes, nodes);
  assert.equal(dx!.node, null);
  assert.deepEqual(wants, [[true, false]]);
  assert.deepEqual(await values([dx!]), [1]);
});

Deno.test("a gradient that backward withholds is zero for what lies before it", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = parameter(device, 5);
  const hidden = scale(x, 3), y = applyAffine(hidden, 1, 0);
  recordNode({ op: "step", inputs: [hidden], outputs: [y], backward: () => [null] });
  assert.deepEqual(await values(gradients(total([y]), [x])), [0]);
});

Deno.test("ops without inputs that want gradients leave no node", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const y = scale(device.tensor([1]), 2);
  assert.ok(y.node === null && !y.requiresGrad);
});

Deno.test("gradients of micro-batches accumulate", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const params = [parameter(device, 1), parameter(device, 2)];
  let grads: Tensor[] | undefined;
  for (const factor of [1, 10, 100]) {
    const part = gradients(total([scale(params[0]!, factor), scale(params[1]!, 2 * factor)]), params);
    grads = grads ? addGradients(grads, part) : part;
  }
  assert.deepEqual(await values(grads!), [111, 222]);
});

Deno.test("addGradients adds all elements, be they few, odd or many", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  for (const n of [1, 6, 257, 65_536 * 256 + 3]) {
    const [sum] = addGradients([device.full([n], 2)], [device.full([n], 3)]);
    const values = await sum!.data();
    assert.ok(values.length === n && values.every((value) => value === 5), `${n}`);
  }
});

Deno.test("addGradients refuses lists that do not match", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const a = device.zeros([2]), b = device.zeros([3]);
  assert.throws(() => addGradients([a], []), { name: "RangeError", message: "Cannot add 0 gradients to 1" });
  assert.throws(() => addGradients([a, a], [a, b]), {
    name: "RangeError",
    message: "Cannot apply addGradients: gradient 1 must have shape [2], got [3]",
  });
});

Deno.test("a loss of several elements and a wrong gradient shape are refused", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const x = parameter(device, 1, 2);
  assert.throws(() => gradients(scale(x, 2), [x]), {
    name: "RangeError",
    message: "Cannot differentiate shape [2]: the loss must have one element; take a mean or sum",
  });
  const y = device.zeros([1]);
  recordNode({ op: "wrong", inputs: [x], outputs: [y], backward: ([dy]) => [dy!] });
  assert.throws(() => gradients(y, [x]), { message: "wrong: gradient [1] for an input [2]" });
  assert.ok(device.gradEnabled);
});
