import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-webgpu";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { Contender } from "../contender.ts";
import { inverseAxes, transposed } from "../host_data.ts";
import type { KernelTask, OpenPeer, StepTask, Values } from "../peer.ts";
import { adamw } from "../suites/adamw_settings.ts";
import { tfjsKernels } from "./tfjs_kernels.ts";
import { tfjsAxes, tfjsModels } from "./tfjs_models.ts";

/** Opens TensorFlow.js on its WebGPU backend. */
export const open: OpenPeer = async () => {
  await tf.setBackend("webgpu");
  await tf.ready();
  return { name: "tfjs", version: tf.version_core, kernel, step };
};

function tensorOf({ data, shape }: Values): tf.Tensor {
  return tf.tensor(data, [...shape], data instanceof Int32Array ? "int32" : "float32");
}

async function settle(): Promise<void> {
  const backend = tf.backend() as WebGPUBackend;
  backend.ensureCommandEncoderReady(); // there may be nothing to submit
  backend.endComputePassEncoder();
  backend.submitQueue();
  await backend.queue.onSubmittedWorkDone();
}

/** `run` gives new tensors at every call. */
function contender(
  run: () => tf.Tensor[],
  results: (tensors: tf.Tensor[]) => Promise<readonly ArrayLike<number>[]>,
  kept: readonly tf.Tensor[],
): Contender {
  let last: tf.Tensor[] = [];
  return {
    name: "tfjs",
    run: () => {
      tf.dispose(last);
      last = tf.tidy(run);
    },
    settle,
    results: () => results(last),
    dispose: () => tf.dispose([...last, ...kept]),
  };
}

/** An op's inputs and results move to the axes that TensorFlow.js works in before and after the race. */
function kernel({ name, inputs, weights }: KernelTask): Contender | null {
  if (name === "adamw") return adamwContender(inputs);
  const form = tfjsKernels[name];
  if (!form) return null;
  const { run, inputAxes = [], outputAxes } = form;
  const moved = (value: Values, axes: readonly number[] | undefined) =>
    tensorOf(axes ? transposed(value as Values, axes) : value);
  const tensors = inputs.map((value, i) => moved(value, inputAxes[i]));
  const factors = weights?.map((value) => moved(value, outputAxes)) ?? [];
  const floats = tensors.filter(({ dtype }) => dtype === "float32");
  const loss = (...given: tf.Tensor[]): tf.Scalar => {
    const outs = run(...tensors.map((tensor) => tensor.dtype === "float32" ? given.shift()! : tensor));
    return outs.map((out, i) => tf.sum(tf.mul(out, factors[i]!))).reduce((a, b) => tf.add(a, b)) as tf.Scalar;
  };
  const gradients = weights && tf.grads(loss);
  const axesOf = weights
    ? inputs.flatMap(({ data }, i) => data instanceof Float32Array ? [inputAxes[i]] : [])
    : [outputAxes, outputAxes];
  return contender(
    () => gradients ? gradients(floats) : run(...tensors),
    (outs) => Promise.all(outs.map((out, i) => read(out, axesOf[i]))),
    [...tensors, ...factors],
  );
}

async function read(tensor: tf.Tensor, axes: readonly number[] | undefined): Promise<ArrayLike<number>> {
  const data = await tensor.data() as Float32Array | Int32Array;
  return axes ? transposed({ shape: tensor.shape, data }, inverseAxes(axes)).data : data;
}

/** By the names of variables. */
type Gradients = Readonly<Record<string, tf.Tensor>>;

/** Adam, and the decay that TensorFlow.js does not have. */
function adamwStep(variables: readonly tf.Variable[]): (gradients: Gradients) => void {
  const { learningRate, beta1, beta2, eps, weightDecay } = adamw;
  const optimizer = tf.train.adam(learningRate, beta1, beta2, eps);
  return (gradients) => {
    for (const variable of variables) variable.assign(tf.mul(variable, 1 - learningRate * weightDecay));
    // Declared for variables, but tensors are what `minimize` gives it.
    optimizer.applyGradients(gradients as Parameters<typeof optimizer.applyGradients>[0]);
  };
}

function adamwContender([parameter, gradient]: readonly Values[]): Contender {
  const variable = tf.variable(tensorOf(parameter!)), given = tensorOf(gradient!);
  const update = adamwStep([variable]);
  const run = () => {
    update({ [variable.name]: given });
    return [];
  };
  return contender(run, async () => [await variable.data()], [variable, given]);
}

function step({ name, parameters, inputs }: StepTask): Contender {
  const loss = tfjsModels[name];
  const variables = Object.fromEntries(
    Object.entries(parameters).map(([key, value]) => {
      const axes = tfjsAxes(key, value.shape);
      return [key, tf.variable(tensorOf(axes ? transposed(value, axes) : value))];
    }),
  );
  const list = Object.values(variables), update = adamwStep(list);
  const [x, targets] = inputs.map(tensorOf);
  const run = () => {
    const { value, grads } = tf.variableGrads(() => loss(variables, x!, targets!), list);
    update(grads);
    return [value];
  };
  const results = async ([loss]: tf.Tensor[]) => [await loss!.data()];
  return { ...contender(run, results, [...list, x!, targets!]), comparedRun: 4 };
}
