/**
 * `deno run --allow-read --allow-write bench/imagenet_files.ts FOLDER`: files of random weights with the names, shapes and
 * sizes of the published ones that configs/imagenet_policy.yaml reads, 1.1 GB, to try everything but the pictures.
 *
 * @module
 */
import { join } from "node:path";
import { UserError } from "../src/error.ts";
import { runCommand } from "../src/cli/command.ts";
import { printLine } from "../src/cli/terminal.ts";
import { promptVocabulary } from "../src/jobs/prompt_vocabulary.ts";
import { arpgPresets, arpgShapes } from "../src/models/arpg_config.ts";
import { clipPresets, clipShapes } from "../src/models/clip_config.ts";
import { vq16 } from "../src/models/vq_config.ts";
import { vqShapes, writeRandomWeights } from "./arpg_l_files.ts";

await runCommand("imagenet-files", (program) => {
  program.argument("<folder>", "made where it is missing").action(writeFiles);
});

async function writeFiles(folder: string): Promise<void> {
  const clipFolder = join(folder, "clip-vit-base-patch32");
  await Deno.mkdir(clipFolder, { recursive: true }).catch((cause) => {
    throw new UserError(`Cannot write ${clipFolder}: ${cause.message}`);
  });
  const sizes = clipPresets["ViT-B/32"]!;
  const model = join(folder, "arpg_300m.safetensors"), tokenizer = join(folder, "vq_ds16_c2i.safetensors");
  const files = [
    [model, arpgShapes(arpgPresets["ARPG-L"])],
    [tokenizer, vqShapes(vq16)],
    [join(clipFolder, "model.safetensors"), clipShapes(sizes)],
  ] as const;
  for (const [n, [path, shapes]] of files.entries()) {
    const bytes = await writeRandomWeights(path, shapes, n + 1);
    printLine(`${path}  ${(bytes / 1e6).toFixed(0)} MB`);
  }
  const names = Array.from({ length: 1000 }, (_, label) => `thing ${label}`);
  await Deno.writeTextFile(join(folder, "imagenet_classes.txt"), `${names.join("\n")}\n`);
  await Deno.writeTextFile(join(clipFolder, "config.json"), JSON.stringify({ model_type: "clip", ...sizes }));
  await Deno.writeTextFile(join(clipFolder, "tokenizer.json"), tokenizerJson(names, sizes.text_config.eos_token_id));
  printLine(
    `deno task train configs/imagenet_policy.yaml --set model.weights=${model} --set tokenizer.weights=${tokenizer} ` +
      `--set reward.clip.folder=${clipFolder} --set reward.clip.names=${join(folder, "imagenet_classes.txt")} ` +
      "--set held_out_clip=null",
  );
}

/** A tokenizer of the prompts' words whose texts end as the published model's do. */
function tokenizerJson(names: readonly string[], end: number): string {
  const { tokenizer, size } = promptVocabulary(names.map((name) => `a photo of a ${name}`));
  return JSON.stringify(tokenizer, (_, value) => value === size - 1 ? end : value);
}
