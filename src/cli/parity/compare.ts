import { UserError } from "../../error.ts";
import type { HostTensor } from "../../tensor/host_tensor.ts";
import { sameShape, showShape } from "../../tensor/shape.ts";
import type { ReferenceCase } from "./reference_case.ts";

/** The output that is furthest off, measured in its own scale. */
export interface Worst {
  /** `max |ours - expected| / max(1, max |expected|)`; for integers the share of elements that differ. */
  readonly error: number;
  readonly output: string;
  readonly passed: boolean;
}

/** Share of integers that may differ, by kind: vectors that lie between two codes go either way by rounding. */
const differing: Readonly<Record<string, number>> = { "vq.encode": 0.01 };

/**
 * Compares every expected output with ours: floats within the case's tolerance, integers equal but for the share above.
 *
 * @throws {UserError} where the case expects an output that its kind does not compute, or one of another shape.
 */
export function compareOutputs(given: ReferenceCase, ours: ReadonlyMap<string, HostTensor>): Worst {
  const { kind, outputs, tolerance } = given;
  let worst: Worst = { error: 0, output: "none", passed: true };
  for (const [name, expected] of outputs) {
    const found = ours.get(name);
    if (!found) {
      throw new UserError(`Cannot compare ${name}: ${kind} gives ${[...ours.keys()].join(", ")} for these inputs`);
    }
    if (!sameShape(found.shape, expected.shape)) {
      throw new UserError(
        `Cannot compare ${name}: ${kind} gives shape ${showShape(found.shape)}, outputs.safetensors has ${
          showShape(expected.shape)
        }`,
      );
    }
    const whole = !(expected.data instanceof Float32Array);
    const error = whole ? shareOfDifferent(found, expected) : scaledError(found, expected);
    const passed = worst.passed && error <= (whole ? differing[kind] ?? 0 : tolerance);
    const further = worst.output === "none" || !(error <= worst.error);
    worst = further ? { error, output: name, passed } : { ...worst, passed };
  }
  return worst;
}

/** NaN where ours is not a number and the expected one is. */
function scaledError({ data }: HostTensor, expected: HostTensor): number {
  let scale = 1, error = 0;
  expected.data.forEach((wanted, i) => {
    if (Number.isFinite(wanted)) scale = Math.max(scale, Math.abs(wanted));
    if (!Object.is(data[i], wanted)) error = Math.max(error, Math.abs(data[i]! - wanted));
  });
  return error / scale;
}

function shareOfDifferent({ data }: HostTensor, expected: HostTensor): number {
  let different = 0;
  expected.data.forEach((wanted, i) => different += data[i] === wanted ? 0 : 1);
  return different / data.length;
}
