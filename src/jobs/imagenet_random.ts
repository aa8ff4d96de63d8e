import type { WeightSource } from "../nn/module.ts";
import { philox } from "../tensor/philox.ts";
import { type Shape, sizeOf } from "../tensor/shape.ts";

/** What a config says in place of a file or a folder for a model of random weights. */
export const randomWeights = "random";

/**
 * Weights of the given shapes for a dry run: gains of norms and scalars are 1, biases 0, all else is uniform with
 * variance `1 / inputs`, the same for the same seed. Each tensor is drawn when it is read, so that models of published
 * size never lie whole in JavaScript's memory; xorshift32 (Marsaglia 2003) draws 320 million in seconds.
 */
export function randomWeightsOf(shapes: ReadonlyMap<string, Shape>, seed: number): WeightSource {
  const numbers = new Map([...shapes.keys()].map((name, i) => [name, i]));
  return {
    entries: new Map([...shapes].map(([name, shape]) => [name, { dtype: "F32", shape }])),
    read(name) {
      const shape = shapes.get(name)!, data = new Float32Array(sizeOf(shape));
      if (shape.length === 0 || /norm[^.]*\.weight$/.test(name)) return { shape, data: data.fill(1) };
      if (name.endsWith(".bias")) return { shape, data };
      const inputs = sizeOf(shape.slice(1)), scale = Math.sqrt(3 / inputs) / 2 ** 31;
      let [x] = philox([numbers.get(name)!, 0, 0, 0], [seed, weightsStream]);
      x |= 1; // 0 would stay
      for (let i = 0; i < data.length; i++) {
        x ^= x << 13;
        x ^= x >>> 17;
        x ^= x << 5;
        data[i] = x * scale;
      }
      return { shape, data };
    },
  };
}

const weightsStream = 0x7277;
