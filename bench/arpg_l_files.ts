/** Weight files of published size with random contents, fast to write and never whole in memory. */
import type { Shape } from "../src/tensor/shape.ts";
import { sizeOf } from "../src/tensor/shape.ts";
import type { Initializer } from "../src/nn/init.ts";
import { type VqConfig } from "../src/models/vq_config.ts";
import { VqTokenizer } from "../src/models/vq_tokenizer.ts";

/** Elements generated and written at a time. */
const chunk = 2 ** 21;

/**
 * Writes a safetensors file of float16 tensors: gains of norms are 1, all else is random in +-[2^-6, 2^-5), about as
 * large as trained weights.
 *
 * @returns bytes of the file.
 */
export async function writeRandomWeights(
  path: string,
  shapes: ReadonlyMap<string, Shape>,
  seed: number,
): Promise<number> {
  let end = 0;
  const entries = [...shapes].map(([name, shape]) => {
    const data_offsets = [end, end += 2 * sizeOf(shape)];
    return [name, { dtype: "F16", shape, data_offsets }];
  });
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const header = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true);
  header.set(json, 8);
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  const write = async (bytes: Uint8Array) => {
    for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
  };
  await write(header);
  const random = new RandomHalves(seed);
  const halves = new Uint16Array(chunk);
  for (const [name, shape] of shapes) {
    const gains = /norm[^.]*\.weight$/.test(name);
    for (let left = sizeOf(shape); left > 0; left -= chunk) {
      const part = halves.subarray(0, Math.min(left, chunk));
      if (gains) part.fill(0x3c00); // 1
      else random.fill(part);
      await write(new Uint8Array(part.buffer, 0, part.byteLength));
    }
  }
  return header.length + end;
}

/** Float16 bits from xorshift32 (Marsaglia 2003): sign and mantissa are random, the exponent is that of 2^-6. */
class RandomHalves {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed ^ 0x9e3779b9) | 1;
  }

  fill(halves: Uint16Array): void {
    let x = this.#state;
    for (let i = 0; i < halves.length; i++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      halves[i] = (x >>> 16) & 0x83ff | 0x2400;
    }
    this.#state = x;
  }
}

/** Shapes of a tokenizer's parameters. */
export function vqShapes(config: VqConfig): Map<string, Shape> {
  const ofShape = (shape: Shape) => ({ shape });
  // Layers ask for parameters and keep them: shapes do instead, and nothing is drawn or allocated.
  const shapesOnly = {
    uniform: ofShape,
    normal: ofShape,
    device: { parameter: (_: unknown, shape: Shape) => ({ shape }) },
  };
  const parameters = new VqTokenizer(shapesOnly as unknown as Initializer, config).parameters();
  return new Map([...parameters].map(([name, { shape }]) => [name, shape]));
}
