import type { LlamaGen } from "../../src/models/llamagen.ts";
import { LlamaGenPainter } from "../../src/models/llamagen_painter.ts";
import { VqTokenizer } from "../../src/models/vq_tokenizer.ts";
import { Initializer } from "../../src/nn/init.ts";
import { embedding } from "../../src/ops/embedding.ts";
import { mean } from "../../src/ops/reduce.ts";
import type { Reward } from "../../src/rewards/reward.ts";
import { Grader } from "../../src/rl/grader.ts";
import { LlamaGenGrpo, type LlamaGenGrpoOptions } from "../../src/rl/llamagen_grpo.ts";
import type { Device } from "../../src/tensor/device.ts";
import { tinyLlamaGen } from "../models/tiny_llamagen.ts";
import { tinyVqConfig } from "../models/tiny_vq_config.ts";
import { options as generatorOptions } from "./tiny_experience.ts";

/** Pictures of 4x4 tokens out of 12, 3 classes. */
export const sizes = { dim: 16, layers: 2, heads: 2, multiple_of: 8, vocab: 12, classes: 3, cells: 16 } as const;

/** A model whose distributions differ from cell to cell. */
export function smallLlamaGen(device: Device): LlamaGen {
  return tinyLlamaGen(device, sizes);
}

/** Share of a token in each picture. */
export function shareOf(device: Device, token: number): Reward {
  const is = device.tensor(Float32Array.from({ length: sizes.vocab }, (_, id) => id === token ? 1 : 0), [
    sizes.vocab,
    1,
  ]);
  return { name: "share", score: ({ tokens }) => mean(embedding(is, tokens!), [1, 2]) };
}

// Its painter says what the tokens are drawn with.
const { guidance: _, temperature: __, ...learning } = generatorOptions;

export const options: LlamaGenGrpoOptions = {
  ...learning,
  groupSize: 4,
  advantage: "mean_std",
  seed: 3,
};

export const sampling = { guidance: 1.5, temperature: 0.9 } as const;

/** A LlamaGen that is trained on what it paints, by the share of token 2. */
export class TinyLlamaGenTraining implements Disposable {
  readonly painter: LlamaGenPainter;
  readonly trainer: LlamaGenGrpo;

  constructor(
    readonly model: LlamaGen,
    reference: LlamaGen | null = null,
    { batch = 12, ...changes }: Partial<LlamaGenGrpoOptions> & { readonly batch?: number } = {},
  ) {
    const { device } = model.rotary, key = { seed: 0, stream: 0, purpose: 0 };
    this.painter = new LlamaGenPainter(model, batch, { ...sampling, key });
    const graded = {
      rewards: [{ reward: shareOf(device, 2), weight: 1 }],
      combination: "sum",
      classNames: [],
    } as const;
    const grader = new Grader(device, graded, { policy: batch, hand: 0 });
    const tokenizer = new VqTokenizer(new Initializer(device, 1), tinyVqConfig);
    this.trainer = new LlamaGenGrpo(this.painter, reference, tokenizer, grader, { ...options, ...changes });
  }

  [Symbol.dispose](): void {
    this.trainer.dispose();
    this.painter.dispose();
  }
}
