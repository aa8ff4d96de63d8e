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
  checkOffer(parameters, new Map([...weights].map(([name, tensor]) => [name, offerOf(tensor)])), options);
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
  checkWeights(parameters, source, options);
  let pending = 0;
  for (const [name, tensor] of parameters) {
    tensor.write((await source.read(name)).data);
    pending += 4 * tensor.size;
    if (pending < MAX_PENDING_BYTES) continue;
    await settle(tensor.device);
    pending = 0;
  }
}

/**
 * The check that comes before the first element is read, for models that hold their weights in forms of their own.
 *
 * @param wanted the shapes by name.
 * @throws {UserError} where names are missing or unknown or shapes or types differ, all of them in one line.
 */
export function checkWeights(
  wanted: ReadonlyMap<string, { readonly shape: Shape }>,
  { entries }: Pick<WeightSource, "entries">,
  options: LoadOptions = {},
): void {
  const offered = [...entries].map(([name, { dtype, shape }]) =>
    [name, { shape, type: dtype, float: floatTypes.includes(dtype) }] as const
  );
  checkOffer(wanted, new Map(offered), options);
}

/** Writes are copied and the copies kept until the next submit: as many bytes may wait so. */
const MAX_PENDING_BYTES = 2 ** 28;

/** Submits what waits and comes back when it is done. */
async function settle(device: Device): Promise<void> {
  using _scope = device.scope();
  await device.zeros([1]).item();
}

/** Element types that a file's reader widens to float32. */
const floatTypes = ["F32", "F16", "BF16"];

/** What a source of weights says of one tensor. */
interface Offer {
  readonly shape: Shape;
  readonly type: string;
  readonly float: boolean;
}

function offerOf({ shape, data }: HostTensor): Offer {
  return { shape, type: data.constructor.name, float: data instanceof Float32Array };
}

/** Refuses, in one line, everything that keeps `offered` from filling `parameters`. */
function checkOffer(
  parameters: ReadonlyMap<string, { readonly shape: Shape }>,
  offered: ReadonlyMap<string, Offer>,
  { ignore = () => false }: LoadOptions,
): void {
  const missing: string[] = [], misshapen: string[] = [];
  for (const [name, { shape }] of parameters) {
    const found = offered.get(name);
    if (!found) missing.push(`${name} ${showShape(shape)}`);
    else if (!found.float || !sameShape(found.shape, shape)) {
      misshapen.push(`${name} is ${found.type} ${showShape(found.shape)}, wanted f32 ${showShape(shape)}`);
    }
  }
  const unexpected = [...offered]
    .filter(([name]) => !parameters.has(name) && !ignore(name))
    .map(([name, { shape }]) => `${printable(name)} ${showShape(shape)}`);
  const problems = [
    listed(`${missing.length} of ${parameters.size} parameters missing`, missing),
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
