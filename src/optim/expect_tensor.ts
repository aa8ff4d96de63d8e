import { UserError } from "../error.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import { sameShape, showShape } from "../tensor/shape.ts";

/**
 * The data of a saved tensor.
 *
 * @throws {UserError} where it is missing or has another shape or type.
 */
export function expectTensor<A extends Float32Array | Uint32Array>(
  what: string,
  state: ReadonlyMap<string, HostTensor>,
  name: string,
  shape: readonly number[],
  type: { new (length: number): A },
): A {
  const tensor = state.get(name);
  const wanted = `${type === Float32Array as unknown ? "f32" : "u32"} ${showShape(shape)}`;
  if (!tensor) throw new UserError(`Cannot restore ${what}: the state has no ${name}, wanted ${wanted}`);
  if (tensor.data instanceof type && sameShape(tensor.shape, shape)) return tensor.data;
  throw new UserError(
    `Cannot restore ${what}: ${name} must be ${wanted}, got ${tensor.data.constructor.name} ${
      showShape(tensor.shape)
    }; ` +
      "resume with the configuration of the saved run",
  );
}
