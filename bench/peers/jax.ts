import {
  type Array as JaxArray,
  blockUntilReady,
  defaultDevice,
  grad,
  init,
  jit,
  numpy as np,
  valueAndGrad,
} from "@jax-js/jax";
import project from "./deno.json" with { type: "json" };
import type { Contender } from "../contender.ts";
import { inverseAxes, transposed } from "../host_data.ts";
import type { KernelTask, OpenPeer, StepTask, Values } from "../peer.ts";
import { jaxKernels } from "./jax_kernels.ts";
import { jaxAdamw, jaxModels } from "./jax_models.ts";

/** Opens jax-js on its WebGPU backend. */
export const open: OpenPeer = async () => {
  const devices = await init("webgpu");
  if (!devices.includes("webgpu")) throw new Error("jax-js finds no WebGPU");
  defaultDevice("webgpu");
  return { name: "jax-js", version: project.imports["@jax-js/jax"].split("@").at(-1)!, kernel, step };
};

const arrayOf = ({ data, shape }: Values): JaxArray => np.array(data as Float32Array<ArrayBuffer>).reshape([...shape]);

/** Arrays are computed when somebody waits for them: `settle` does for the results of all runs. */
function contender(
  run: () => JaxArray[],
  results: (arrays: JaxArray[]) => Promise<readonly ArrayLike<number>[]>,
  kept: readonly JaxArray[],
): Contender {
  let pending: JaxArray[][] = [];
  const drop = (runs: JaxArray[][]) => runs.flat().forEach((array) => array.dispose());
  return {
    name: "jax-js",
    run: () => {
      pending.push(run());
    },
    settle: async () => {
      await blockUntilReady(pending.length ? pending.flat() : kept[0]!);
      drop(pending.slice(0, -1));
      pending = pending.slice(-1);
    },
    results: () => results(pending.at(-1)!),
    dispose: () => drop([...pending, [...kept]]),
  };
}

async function read(array: JaxArray, axes?: readonly number[]): Promise<ArrayLike<number>> {
  const shape = array.shape, data = await array.ref.data() as Float32Array | Int32Array;
  return axes ? transposed({ shape, data }, inverseAxes(axes)).data : data;
}

function kernel({ name, inputs, weights }: KernelTask): Contender | null {
  if (name === "adamw") return adamwContender(inputs);
  const form = jaxKernels[name];
  if (!form) return null;
  const { run, inputAxes = [], outputAxes } = form;
  const moved = (value: Values, axes: readonly number[] | undefined) => arrayOf(axes ? transposed(value, axes) : value);
  const arrays = inputs.map((value, i) => moved(value, inputAxes[i]));
  const factors = weights?.map((value) => moved(value, outputAxes)) ?? [];
  const floats = [...inputs.keys()].filter((i) => inputs[i]!.data instanceof Float32Array);
  const loss = (...all: JaxArray[]): JaxArray => {
    const outs = run(...all.slice(0, arrays.length));
    return outs.map((out, i) => np.sum(out.mul(all[arrays.length + i]!))).reduce((a, b) => a.add(b));
  };
  const compiled = weights
    ? jit(grad(loss, { argnums: floats }) as (...all: JaxArray[]) => JaxArray[])
    : jit((...all: JaxArray[]) => run(...all));
  const axesOf = weights ? floats.map((i) => inputAxes[i]) : [outputAxes, outputAxes];
  const kept = [...arrays, ...factors];
  return contender(
    () => compiled(...kept.map((array) => array.ref)),
    (outs) => Promise.all(outs.map((out, i) => read(out, axesOf[i]))),
    kept,
  );
}

/** Means of AdamW with the number of the step, on the host: its bias corrections are inputs. */
function adamwContender([parameter, gradient]: readonly Values[]): Contender {
  const given = arrayOf(gradient!);
  const zeros = () => np.zeros([...parameter!.shape]);
  let [state, steps] = [[arrayOf(parameter!), zeros(), zeros()], 0];
  const update = jit((...[p, m, v, g, t]: JaxArray[]) => jaxAdamw(p!, m!, v!, g!, t!));
  const run = () => {
    state = update(...state as [JaxArray, JaxArray, JaxArray], given.ref, np.array(++steps));
    return [state[0]!.ref];
  };
  return contender(run, async ([p]) => [await read(p!)], [given]);
}

/** The state is parameters, first and second moments, as one list: a step is one compiled function of it. */
function step({ name, parameters, inputs }: StepTask): Contender {
  const names = Object.keys(parameters), count = names.length, loss = jaxModels[name];
  const zeros = () => names.map((key) => np.zeros([...parameters[key]!.shape]));
  const [x, targets] = inputs.map(arrayOf);
  let state = [...names.map((key) => arrayOf(parameters[key]!)), ...zeros(), ...zeros()], steps = 0;
  const lossOf = (...all: JaxArray[]) =>
    loss(Object.fromEntries(names.map((key, i) => [key, all[i]!])), all[count]!, all[count + 1]!);
  const argnums = names.map((_, i) => i);
  const update = jit((...all: JaxArray[]) => {
    const [x, targets, t] = all.slice(3 * count) as [JaxArray, JaxArray, JaxArray];
    const lossAndGradients = valueAndGrad(lossOf, { argnums });
    const [value, grads] = lossAndGradients(...all.slice(0, count).map((p) => p.ref), x, targets);
    const updated = argnums.map((i) =>
      jaxAdamw(all[i]!, all[count + i]!, all[2 * count + i]!, (grads as JaxArray[])[i]!, t.ref)
    );
    t.dispose();
    return [value, ...[0, 1, 2].flatMap((part) => updated.map((one) => one[part]!))];
  });
  const run = () => {
    const [value, ...rest] = update(...state, x!.ref, targets!.ref, np.array(++steps)) as JaxArray[];
    state = rest;
    return [value!];
  };
  return { ...contender(run, async ([loss]) => [await read(loss!)], [x!, targets!]), comparedRun: 4 };
}
