import * as ort from "onnxruntime-web/webgpu";
import type { Contender } from "../contender.ts";
import { inverseAxes, transposed } from "../host_data.ts";
import type { KernelTask, OpenPeer, Values } from "../peer.ts";
import type { KernelName } from "../suites/kernel_cases.ts";
import { type Shape, sizeOf } from "../../src/tensor/shape.ts";
import project from "./deno.json" with { type: "json" };
import { onnxModel, type OnnxOperator, type OnnxValue } from "./onnx_model.ts";

interface OnnxKernel {
  readonly operator: OnnxOperator;
  outputShape(shapes: readonly Shape[]): Shape;
  /** Where the operator wants the inputs in other axes than ours, and then in a shape of three. */
  readonly axes?: readonly number[];
  readonly shape3?: boolean;
}

const same = ([x]: readonly Shape[]) => x!; // products too: those of the suite are square

/** What it has kernels for; it does not train. */
const kernels: Partial<Record<KernelName, OnnxKernel>> = {
  matmul_nn: { operator: { type: "MatMul" }, outputShape: same },
  matmul_nt: { operator: { type: "Gemm", ints: { transB: 1 } }, outputShape: same },
  matmul_tn: { operator: { type: "Gemm", ints: { transA: 1 } }, outputShape: same },
  attention: {
    operator: { type: "MultiHeadAttention", domain: "com.microsoft", ints: { num_heads: 8, unidirectional: 1 } },
    outputShape: same,
    axes: [0, 2, 1, 3],
    shape3: true,
  },
  softmax: { operator: { type: "Softmax", ints: { axis: 1 } }, outputShape: same },
  layer_norm: { operator: { type: "LayerNormalization", floats: { epsilon: 1e-5 } }, outputShape: same },
  conv3x3: {
    operator: { type: "Conv", ints: { kernel_shape: [3, 3], pads: [1, 1, 1, 1] } },
    outputShape: ([image, weight]) => [image![0]!, weight![0]!, ...image!.slice(2)],
  },
  add: { operator: { type: "Add" }, outputShape: same },
  embedding: {
    operator: { type: "Gather" },
    outputShape: ([table, ids]) => [...ids!, ...table!.slice(1)],
  },
};

/** Opens ONNX Runtime Web; it makes its device with the first session. */
export const open: OpenPeer = async () => {
  ort.env.wasm.numThreads = 1; // threads would be Web Workers, and nothing here runs in WebAssembly
  ort.env.logLevel = "error";
  await sessionOf({ type: "Add" }, [value("a", [1]), value("b", [1])], [value("c", [1])]);
  const version = project.imports["onnxruntime-web"].split("@").at(-1)!;
  return { name: "onnxruntime-web", version, kernel, step: () => null };
};

const value = (name: string, shape: Shape, type: OnnxValue["type"] = "float"): OnnxValue => ({ name, type, shape });

function sessionOf(operator: OnnxOperator, inputs: readonly OnnxValue[], outputs: readonly OnnxValue[]) {
  return ort.InferenceSession.create(onnxModel(operator, inputs, outputs), {
    executionProviders: ["webgpu"],
    preferredOutputLocation: "gpu-buffer",
  });
}

/** Inputs lie on the device before the race begins. */
async function kernel({ name, inputs, weights }: KernelTask): Promise<Contender | null> {
  const form = kernels[name];
  if (!form || weights) return null;
  const { operator, outputShape, axes, shape3 } = form;
  const moved = inputs.map((value): Values => axes ? transposed(value, axes) : value);
  const shapes = moved.map(({ shape }) => shape3 ? [...shape.slice(0, 2), sizeOf(shape.slice(2))] : shape);
  const given = moved.map(({ data }, i) => value(`x${i}`, shapes[i]!, data instanceof Int32Array ? "int32" : "float"));
  const session = await sessionOf(operator, given, [value("y", outputShape(shapes))]);
  const device = await ort.env.webgpu.device as GPUDevice;
  const tensors = moved.map(({ data }, i) => onDevice(device, data, shapes[i]!));
  const feeds = Object.fromEntries(tensors.map(({ tensor }, i) => [`x${i}`, tensor]));
  let last: ort.Tensor | null = null;
  return {
    name: "onnxruntime-web",
    run: async () => {
      last?.dispose();
      last = (await session.run(feeds))["y"]!;
    },
    settle: () => device.queue.onSubmittedWorkDone(),
    results: async () => {
      const data = await last!.getData() as Float32Array;
      const shape = axes ? moved[0]!.shape : last!.dims;
      return [axes ? transposed({ shape, data }, inverseAxes(axes)).data : data];
    },
    dispose: () => {
      last?.dispose();
      for (const { buffer } of tensors) buffer.destroy();
      session.release();
    },
  };
}

function onDevice(device: GPUDevice, data: Float32Array | Int32Array, dims: Shape) {
  const { STORAGE, COPY_DST, COPY_SRC } = GPUBufferUsage;
  const buffer = device.createBuffer({ size: data.byteLength, usage: STORAGE | COPY_DST | COPY_SRC });
  device.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>);
  const dataType = data instanceof Int32Array ? "int32" : "float32";
  return { buffer, tensor: ort.Tensor.fromGpuBuffer(buffer, { dataType, dims }) };
}
