import type { Device } from "../tensor/device.ts";

/** Tensors that one dispatch works on. */
export interface TensorGroup {
  /** Indices into the list of all tensors, the largest tensor first. */
  readonly members: readonly number[];
  /** Elements of the largest. */
  readonly largest: number;
}

/** Slots a kernel declares sizes for: two vec4 of params. */
const mostSlots = 8;

/**
 * Cuts a list of tensors into groups of like size for kernels that take several tensors a dispatch, a slot each. A small
 * dispatch costs about as much as ten thousand elements, so a model's many small tensors are worth packing, and tensors
 * of like size leave few lanes idle.
 *
 * @param sizes elements of each tensor.
 * @param bindings storage buffers that a slot takes.
 * @param shared storage buffers that all slots share.
 */
export function groupBySize(device: Device, sizes: readonly number[], bindings: number, shared: number): TensorGroup[] {
  const { maxStorageBuffersPerShaderStage: limit } = device.gpu.adapter.device.limits;
  const slots = Math.min(mostSlots, Math.floor((limit - shared) / bindings));
  const order = sizes.map((_, i) => i).sort((a, b) => sizes[b]! - sizes[a]! || a - b);
  const groups: TensorGroup[] = [];
  for (let at = 0; at < order.length; at += slots) {
    const members = order.slice(at, at + slots);
    groups.push({ members, largest: sizes[members[0]!]! });
  }
  return groups;
}

/** Params `name0` and `name1` of a group's kernel: a value a slot. */
export function slotParams(name: string, values: readonly number[]): Record<string, readonly number[]> {
  return { [`${name}0`]: values.slice(0, 4), [`${name}1`]: values.slice(4) };
}
