import { UserError } from "../error.ts";
import type { Device } from "../tensor/device.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import { sameShape, type Shape, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A holder of trainable tensors. */
export interface Module {
  /** The tensors by their published names, such as `fc1.weight`, always in the same order. */
  parameters(): Map<string, Tensor>;
}

/** Weights that are read one tensor at a time, such as a file's. */
export interface WeightSource {
  /** The tensors by name; `dtype` is the safetensors name of the element type, such as `F32` or `BF16`. */
  readonly entries: ReadonlyMap<string, { readonly dtype: string; readonly shape: Shape }>;
  /** The tensor of that name, with F16 and BF16 widened to Float32Array. */
  read(name: string): HostTensor | Promise<HostTensor>;
}

/** What loading may pass over. */
export interface LoadOptions {
  /** True for names that the model does not have and does not need, such as a training run's buffers. */
  readonly ignore?: (name: string) => boolean;
}

/** The parameters of parts under `<part>.<name>`, part by part. */
export function nestParameters(parts: Readonly<Record<string, Module>>): Map<string, Tensor> {
  const all = new Map<string, Tensor>();
  for (const [part, module] of Object.entries(parts)) {
    for (const [name, tensor] of module.parameters()) all.set(`${part}.${name}`, tensor);
  }
  return all;
}

/**
 * Overwrites the parameters of a module with weights of the same names and shapes.
 *
 * @throws {UserError} where names are missing or unknown or shapes or types differ, all of them in one line; nothing is
 * changed then.
 */
export function loadParameters(
  module: Module,
  weights: ReadonlyMap<string, HostTensor>,
  options: LoadOptions = {},
): void {
  const parameters = module.parameters();
  checkWeights(shapesOf(parameters), weights, options);
  for (const [name, tensor] of parameters) tensor.write(weights.get(name)!.data);
}

/**
 * {@link loadParameters} from a file that is read one tensor at a time, so that no more than one is in JavaScript's
 * memory. All names, shapes and types are checked before the first element is read.
 *
 * @throws {UserError} as `loadParameters`, and for what the file refuses to read: the parameters before it are changed.
 */
export async function loadParametersFrom(
  module: Module,
  source: WeightSource,
  options: LoadOptions = {},
): Promise<void> {
  const parameters = module.parameters();
  checkWeights(shapesOf(parameters), source.entries, options);
  let pending = 0;
  for (const [name, tensor] of parameters) {
    tensor.write((await source.read(name)).data);
    pending += 4 * tensor.size;
    if (pending < MAX_PENDING_BYTES) continue;
    await settle(tensor.device);
    pending = 0;
  }
}

/** Writes are copied and the copies kept until the next submit: as many bytes may wait so. */
const MAX_PENDING_BYTES = 2 ** 28;

/** Submits what waits and comes back when it is done. */
async function settle(device: Device): Promise<void> {
  using _scope = device.scope();
  await device.zeros([1]).item();
}

/** Float32 on the host, and the element types that a file's reader widens to it. */
const floatTypes = ["Float32Array", "F32", "F16", "BF16"];

function shapesOf(parameters: ReadonlyMap<string, Tensor>): Map<string, Shape> {
  return new Map([...parameters].map(([name, { shape }]) => [name, shape]));
}

/** Weights on the host, or what a file says of its own. */
type Offered = ReadonlyMap<string, HostTensor | { readonly dtype: string; readonly shape: Shape }>;

/**
 * The check that comes before the first weight is read, and before a model is made of the sizes that a file tells.
 *
 * @throws {UserError} where names are missing or unknown or shapes or types differ, all of them in one line.
 */
export function checkWeights(
  wanted: ReadonlyMap<string, Shape>,
  offered: Offered,
  { ignore = () => false }: LoadOptions = {},
): void {
  const missing: string[] = [], misshapen: string[] = [];
  for (const [name, shape] of wanted) {
    const found = offered.get(name);
    if (!found) {
      missing.push(`${name} ${showShape(shape)}`);
      continue;
    }
    const type = "data" in found ? found.data.constructor.name : found.dtype;
    if (!floatTypes.includes(type) || !sameShape(found.shape, shape)) {
      misshapen.push(`${name} is ${type} ${showShape(found.shape)}, wanted f32 ${showShape(shape)}`);
    }
  }
  const unexpected = [...offered]
    .filter(([name]) => !wanted.has(name) && !ignore(name))
    .map(([name, { shape }]) => `${printable(name)} ${showShape(shape)}`);
  const problems = [
    listed(`${missing.length} of ${wanted.size} parameters missing`, missing),
    listed(`${misshapen.length} of another shape or type`, misshapen),
    listed(`${unexpected.length} unexpected`, unexpected),
  ].filter((text) => text !== "");
  if (problems.length === 0) return;
  throw new UserError(`Cannot load weights: ${problems.join("; ")}; pass the weights of this model`);
}

/** A name of a file's choosing on one line of reasonable length. */
function printable(name: string): string {
  return /^[\p{L}\p{N}\p{P}\p{S}]{1,120}$/u.test(name) ? name : JSON.stringify(name.slice(0, 120));
}

/** Names an error lists of each kind: enough to see a pattern, such as a prefix, few enough for a line. */
const MAX_LISTED = 8;

function listed(what: string, items: readonly string[]): string {
  if (items.length === 0) return "";
  const rest = items.length > MAX_LISTED ? ` and ${items.length - MAX_LISTED} more` : "";
  return `${what}: ${items.slice(0, MAX_LISTED).join(", ")}${rest}`;
}
