import { z } from "zod";
import { UserError } from "../error.ts";

const count = z.int().min(1);

/** Sizes of a {@link VqTokenizer}, spelt as in reference cases, configs and the metadata of checkpoints. */
export interface VqConfig {
  /** Channels of the first and the last level. */
  readonly ch: number;
  /** Factor of `ch` on each level, from the image downwards; between two levels the image is halved. */
  readonly ch_mult: readonly number[];
  /** Residual blocks on a level of the encoder; the decoder has one more. */
  readonly num_res_blocks: number;
  /** K, number of codes. */
  readonly codebook_size: number;
  /** D, components of a code. */
  readonly codebook_embed_dim: number;
  /** Channels between encoder, quantiser and decoder. */
  readonly z_channels: number;
  /** 3 for RGB, 1 for grey. */
  readonly image_channels: number;
  /** Groups of every normalisation; null for 32, or `ch` where that is less. */
  readonly norm_groups: number | null;
}

/** {@link VqConfig} as files spell it; without the last two the image is RGB and the groups are the published ones. */
export const vqConfigSchema = z.object({
  ch: count,
  ch_mult: z.array(count).min(1).max(10),
  num_res_blocks: count.max(100),
  codebook_size: count,
  codebook_embed_dim: count,
  z_channels: count,
  image_channels: count.default(3),
  norm_groups: count.nullable().default(null),
});

/** LlamaGen's VQ-16: images of a multiple of 16 pixels, 16,384 codes (arXiv 2406.06525, section 3.1). */
export const vq16: VqConfig = {
  ch: 128,
  ch_mult: [1, 1, 2, 2, 4],
  num_res_blocks: 2,
  codebook_size: 16384,
  codebook_embed_dim: 8,
  z_channels: 256,
  image_channels: 3,
  norm_groups: null,
};

/** Pixels along a side of a token's cell. */
export function cellSize({ ch_mult }: VqConfig): number {
  return 2 ** (ch_mult.length - 1);
}

/** Groups of a normalisation. */
export function normGroups({ ch, norm_groups }: VqConfig): number {
  return norm_groups ?? Math.min(32, ch);
}

/**
 * The sizes that a checkpoint carries as JSON under the metadata key `config`.
 *
 * @param file names the checkpoint in errors.
 * @throws {UserError} where they are missing or malformed.
 */
export function parseVqConfig(metadata: Readonly<Record<string, string>>, file: string): VqConfig {
  if (metadata.config === undefined) {
    throw new UserError(
      `Cannot load the tokenizer ${file}: its metadata has no config; name a file that the digits_tokenizer job wrote`,
    );
  }
  try {
    return vqConfigSchema.parse(JSON.parse(metadata.config));
  } catch (cause) {
    const issue = cause instanceof z.ZodError ? cause.issues[0]! : null;
    const why = issue ? `${issue.path.join(".")}: ${issue.message}` : (cause as Error).message;
    throw new UserError(`Cannot load the tokenizer ${file}: config in its metadata: ${why}`, { cause });
  }
}
