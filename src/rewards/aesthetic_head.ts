import { UserError } from "../error.ts";
import { printable } from "../io/quoted.ts";
import { readWeights } from "../io/weights.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import { showShape } from "../tensor/shape.ts";

/** A linear map from P features to a score. */
export interface AestheticHead {
  /** `[P]`. */
  readonly weight: Float32Array<ArrayBuffer>;
  /** Added to `weight . features`. */
  readonly bias: number;
}

interface Layer {
  readonly name: string;
  /** `[out, in]`. */
  readonly weight: HostTensor;
  /** `[out]`. */
  readonly bias: HostTensor;
}

/**
 * Reads a head that scores unit CLIP features: linear, `weight` `[1, P]` and `bias` `[1]`, or the layers
 * `layers.N.weight` `[out, in]` and `layers.N.bias` `[out]` in the order of N, as LAION's improved-aesthetic-predictor
 * stores them. There is nothing between those layers: that network has dropouts in training and no activations, so that
 * the layers are one linear map, multiplied out here in float64.
 *
 * @param width P of the CLIP.
 * @throws {UserError} naming the file and the tensor, for anything else.
 */
export async function readAestheticHead(file: string, width: number): Promise<AestheticHead> {
  const fail = (reason: string): never => {
    throw new UserError(
      `Cannot read the aesthetic head ${printable(file)}: ${reason}; ` +
        `wanted weight [1, ${width}] and bias [1], or layers.N.weight and layers.N.bias that lead from ${width} to 1`,
    );
  };
  const layers = layersOf(await readWeights(file), fail);
  let inputs = width;
  for (const { name, weight, bias } of layers) {
    const [out] = weight.shape;
    if (weight.shape.length !== 2 || weight.shape[1] !== inputs || !out) {
      fail(`${name}weight is ${showShape(weight.shape)} after ${inputs} features`);
    }
    if (bias.shape.length !== 1 || bias.shape[0] !== out) {
      fail(`${name}bias is ${showShape(bias.shape)} beside ${name}weight ${showShape(weight.shape)}`);
    }
    for (const [part, { data }] of [["weight", weight], ["bias", bias]] as const) {
      if (!(data instanceof Float32Array)) fail(`${name}${part} holds whole numbers`);
      if (!data.every(Number.isFinite)) fail(`${name}${part} holds numbers that are not finite`);
    }
    inputs = out!;
  }
  if (inputs !== 1) fail(`it ends in ${inputs} numbers`);
  return multipliedOut(layers);
}

function layersOf(weights: ReadonlyMap<string, HostTensor>, fail: (reason: string) => never): Layer[] {
  const prefixes = new Map<string, number>();
  for (const name of weights.keys()) {
    const [, prefix, number] = /^(layers\.(\d{1,6})\.|)(?:weight|bias)$/.exec(name) ??
      fail(`it has ${printable(name)}`);
    prefixes.set(prefix!, Number(number ?? 0));
  }
  if (prefixes.size === 0) fail("it holds nothing");
  if (prefixes.has("") && prefixes.size > 1) fail("it has both forms");
  const tensor = (name: string) => weights.get(name) ?? fail(`it has no ${name}`);
  return [...prefixes].sort(([, a], [, b]) => a - b)
    .map(([name]) => ({ name, weight: tensor(`${name}weight`), bias: tensor(`${name}bias`) }));
}

/** From the last layer to the first: `w <- w W`, and `w b` added to the bias. */
function multipliedOut(layers: readonly Layer[]): AestheticHead {
  let row = Float64Array.of(1), offset = 0;
  for (const { weight, bias } of layers.toReversed()) {
    const inputs = weight.shape[1]!;
    const next = new Float64Array(inputs);
    row.forEach((factor, o) => {
      offset += factor * bias.data[o]!;
      for (let i = 0; i < inputs; i++) next[i]! += factor * weight.data[o * inputs + i]!;
    });
    row = next;
  }
  return { weight: Float32Array.from(row), bias: offset };
}
