import type { Digits } from "../data/digits.ts";
import { shiftDigits } from "../data/shift.ts";
import { UserError } from "../error.ts";
import { clipDeviation, clipMean } from "../models/clip_preprocess.ts";
import { permutation, philox, unitFloat } from "../tensor/philox.ts";

const classes = 10;
/** Philox streams: which words decide what. Orders take those of their classes, 0 to 9. */
const streams = { templates: 0x7470, shifts: 0x7368 };

/** How batches of pairs are made. */
export interface DigitPairsOptions {
  /** G. */
  readonly groups: number;
  /** Most pixels that a digit is moved by. */
  readonly shift: number;
  /** Of orders, shifts and templates, u32. */
  readonly seed: number;
}

/**
 * Pairs of a digit and a prompt for a CLIP. A batch is G groups of ten pairs, one of each class under a random template:
 * no two pairs of a group mean the same, so that the contrast within a group tells no falsehood. Batch n is a pure
 * function of the seed and n.
 */
export class DigitPairs {
  /** `[10 G, 3, S, S]`, as CLIP's preprocessing leaves a grey picture of the model's size. */
  readonly pixels: Float32Array;
  /** `[10 G, L]`. */
  readonly ids: Int32Array;
  /** Positions of the digits of each class. */
  readonly #ofClass: readonly (readonly number[])[];
  /** Order of the digits of each class, and the pass that it belongs to. */
  readonly #orders: { pass: number; order: Uint32Array }[];

  /**
   * Makes room for a batch.
   *
   * @param prompts ids `[10, templates, L]` of the classes' prompts.
   * @throws {UserError} where a class has no digit.
   */
  constructor(
    private readonly digits: Digits,
    private readonly prompts: Int32Array,
    private readonly templates: number,
    private readonly options: DigitPairsOptions,
  ) {
    this.#ofClass = Array.from({ length: classes }, (_, label) => {
      const found = [...digits.labels.keys()].filter((i) => digits.labels[i] === label);
      if (found.length > 0) return found;
      throw new UserError(`Cannot make pairs: no training digit is a ${label}; raise data.train`);
    });
    this.#orders = this.#ofClass.map(() => ({ pass: -1, order: new Uint32Array() }));
    const pairs = classes * options.groups;
    this.pixels = new Float32Array(pairs * 3 * digits.size ** 2);
    this.ids = new Int32Array(pairs * prompts.length / (classes * templates));
  }

  /** Writes batch n, counted from 0. */
  fill(n: number): void {
    const { digits: { images, size }, prompts, templates, options: { groups, shift, seed } } = this;
    const area = size * size, length = prompts.length / (classes * templates);
    const bytes = new Uint8Array(classes * groups * area);
    for (let pair = 0; pair < classes * groups; pair++) {
      const label = pair % classes, from = this.#digit(label, n * groups + Math.floor(pair / classes));
      bytes.set(images.subarray(from * area, (from + 1) * area), pair * area);
      const [word] = philox([pair, n, 0, 0], [seed, streams.templates]);
      const prompt = label * templates + Math.floor(unitFloat(word) * templates);
      this.ids.set(prompts.subarray(prompt * length, (prompt + 1) * length), pair * length);
    }
    const moved = shiftDigits(bytes, size, shift, { seed, stream: streams.shifts, step: n });
    for (let i = 0; i < moved.length; i++) {
      const pair = Math.floor(i / area), level = moved[i]! / 255;
      for (let c = 0; c < 3; c++) this.pixels[i + (2 * pair + c) * area] = (level - clipMean[c]!) / clipDeviation[c]!;
    }
  }

  /** Number `turn` of an endless sequence of the digits of a class, shuffled anew in every pass. */
  #digit(label: number, turn: number): number {
    const all = this.#ofClass[label]!, state = this.#orders[label]!;
    const pass = Math.floor(turn / all.length);
    if (pass !== state.pass) {
      state.pass = pass;
      state.order = permutation(all.length, [this.options.seed, classes * pass + label]);
    }
    return all[state.order[turn % all.length]!]!;
  }
}
