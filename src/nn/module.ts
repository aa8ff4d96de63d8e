import { UserError } from "../error.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import { sameShape, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A holder of trainable tensors. */
export interface Module {
  /** The tensors by their published names, such as `fc1.weight`, always in the same order. */
  parameters(): Map<string, Tensor>;
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
 * @throws {UserError} for a missing or unknown name, another shape or type; nothing is changed then.
 */
export function loadParameters(module: Module, weights: ReadonlyMap<string, HostTensor>): void {
  const parameters = module.parameters();
  for (const name of weights.keys()) {
    if (!parameters.has(name)) {
      throw new UserError(
        `Cannot load weights: ${name} is no parameter of this model; it has ${[...parameters.keys()].join(", ")}`,
      );
    }
  }
  const loaded = [...parameters].map(([name, tensor]) => {
    const found = weights.get(name);
    const wanted = `${name} must be f32 ${showShape(tensor.shape)}`;
    if (!found) {
      throw new UserError(`Cannot load weights: ${wanted}, but it is missing; pass the weights of this model`);
    }
    if (!(found.data instanceof Float32Array) || !sameShape(found.shape, tensor.shape)) {
      throw new UserError(
        `Cannot load weights: ${wanted}, got ${found.data.constructor.name} ${showShape(found.shape)}; ` +
          "pass the weights of this model",
      );
    }
    return [tensor, found.data] as const;
  });
  for (const [tensor, data] of loaded) tensor.write(data);
}
