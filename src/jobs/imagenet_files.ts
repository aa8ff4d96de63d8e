import { UserError } from "../error.ts";
import { fileError } from "../io/file_error.ts";
import type { ImagenetConfig } from "./imagenet_config.ts";
import { llamaGenOf } from "./imagenet_models.ts";
import { randomWeights } from "./imagenet_random.ts";

/** A file or folder that a config names, and where its like is published. */
export interface NeededFile {
  /** Key of the config. */
  readonly key: string;
  /** What the config says. */
  readonly path: string;
  /** What it should be, with the name and size of the published one. */
  readonly published: string;
  readonly folder: boolean;
}

/** Published names and sizes, by the config's name of the sizes. Of LlamaGen-XL only a model of 24x24 tokens is. */
const generatorFiles: Readonly<Record<string, string>> = {
  "ARPG-L": "arpg_300m.pt (1.3 GB) of hp-l33/ARPG",
  "ARPG-XL": "arpg_700m.pt (2.9 GB) of hp-l33/ARPG",
  "ARPG-XXL": "arpg_1b.pt (5.3 GB) of hp-l33/ARPG",
  "LlamaGen-B": "c2i_B_256.pt (0.4 GB) of FoundationVision/LlamaGen",
  "LlamaGen-L": "c2i_L_256.pt (1.4 GB) of FoundationVision/LlamaGen",
  "LlamaGen-XL": "a LlamaGen-XL of 16x16 tokens (3.1 GB)",
};
const clipFolders: Readonly<Record<string, string>> = {
  "ViT-B/32": "openai/clip-vit-base-patch32 (0.6 GB)",
  "ViT-B/16": "openai/clip-vit-base-patch16 (0.6 GB)",
  "ViT-L/14": "openai/clip-vit-large-patch14 (1.7 GB)",
  "ViT-L/14@336px": "openai/clip-vit-large-patch14-336 (1.7 GB)",
};
const aestheticHead = "an aesthetic head such as sac+logos+ava1-l14-linearMSE.pth of " +
  "christophschuhmann/improved-aesthetic-predictor, on GitHub";
const clipContent = "config.json, tokenizer.json and model.safetensors or pytorch_model.bin";

/** Keys that may say `random`. */
const drawable = ["model.weights", "tokenizer.weights", "reward.clip.folder", "held_out_clip"];

/** Files that a run of the config reads; none for weights that are random. */
export function neededFiles(config: ImagenetConfig): NeededFile[] {
  const { model, tokenizer, clip_sizes, reward, held_out_clip } = config;
  const file = (key: string, path: string, published: string) => ({ key, path, published, folder: false });
  const folder = (key: string, path: string, published: string) => ({
    ...{ key, path, folder: true },
    published: `a folder with ${clipContent} of ${published}`,
  });
  const family = llamaGenOf(config) ? "a LlamaGen" : "an ARPG";
  const generator = typeof model.sizes === "string" ? generatorFiles[model.sizes]! : `${family} of these sizes`;
  const clip = typeof clip_sizes === "string" ? clipFolders[clip_sizes]! : "a CLIP of these sizes";
  const files = [
    file("model.weights", model.weights, generator),
    file("tokenizer.weights", tokenizer.weights, "vq_ds16_c2i.pt (0.3 GB) of FoundationVision/LlamaGen"),
  ];
  if (reward.clip) {
    files.push(folder("reward.clip.folder", reward.clip.folder, clip));
    const { names } = reward.clip;
    if (names) {
      files.push(
        file("reward.clip.names", names, "the classes' names, one a line, as imagenet_classes.txt of pytorch/hub"),
      );
    }
  }
  if (reward.aesthetic) {
    const { folder: path, file: head } = reward.aesthetic;
    files.push(folder("reward.aesthetic.folder", path, clipFolders["ViT-L/14"]!));
    files.push(file("reward.aesthetic.file", head, aestheticHead));
  }
  if (held_out_clip !== null) {
    files.push(folder("held_out_clip", held_out_clip, "another CLIP, such as openai/clip-vit-base-patch16 (0.6 GB)"));
  }
  return files.filter(({ key, path }) => path !== randomWeights || !drawable.includes(key));
}

/** The files of {@link neededFiles} that are not there. */
export async function missingFiles(config: ImagenetConfig): Promise<NeededFile[]> {
  const missing: NeededFile[] = [];
  for (const file of neededFiles(config)) if (!await isThere(file)) missing.push(file);
  return missing;
}

/** What to say of a missing file. */
export function missingLine({ key, path, published }: NeededFile): string {
  return `${path} is not there: fetch ${published}, or set ${key}`;
}

/** Refuses a run whose files are not there. @throws {UserError} a line for each of them. */
export async function requireFiles(config: ImagenetConfig): Promise<void> {
  const missing = await missingFiles(config);
  if (missing.length) throw new UserError(`Cannot train: ${missing.map(missingLine).join("; ")}`);
}

/** Whether there is a file, or a folder, of that name. */
export async function isThere({ path, folder }: Pick<NeededFile, "path" | "folder">): Promise<boolean> {
  try {
    const { isDirectory } = await Deno.stat(path);
    return isDirectory === folder;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) return false;
    throw fileError("read", path, cause);
  }
}
