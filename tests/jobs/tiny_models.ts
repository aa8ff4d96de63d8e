import { writeSafetensors } from "../../src/io/safetensors.ts";
import { makeJudge, saveJudge } from "../../src/jobs/judge_file.ts";
import { toHost } from "../../src/jobs/run_state.ts";
import { arpgMetadata } from "../../src/models/load_arpg.ts";
import type { VqConfig } from "../../src/models/vq_config.ts";
import { VqTokenizer } from "../../src/models/vq_tokenizer.ts";
import { Initializer } from "../../src/nn/init.ts";
import { tinyArpg, tinyArpgConfig } from "../models/tiny_arpg.ts";
import { tinyVqConfig } from "../models/tiny_vq_config.ts";
import { testDevice } from "../support/device.ts";

/** Files of untrained models for pictures of 8x8 pixels. */
export interface TinyModels {
  /** A tokenizer of 12 codes. */
  readonly tokenizer: string;
  /** An ARPG of its codes. */
  readonly arpg: string;
  /** A judge of ten classes. */
  readonly judge: string;
}

/** Writes {@link TinyModels}. @param grid cells in a row: 2 or 4. */
export async function writeTinyModels(folder: string, grid: 2 | 4): Promise<TinyModels> {
  const device = await testDevice();
  const config: VqConfig = { ...tinyVqConfig, ch_mult: grid === 2 ? [1, 1, 1] : [1, 1] };
  const files = {
    tokenizer: `${folder}/vq.safetensors`,
    arpg: `${folder}/arpg.safetensors`,
    judge: `${folder}/judge.safetensors`,
  };
  const tokenizer = new VqTokenizer(new Initializer(device, 1), config);
  await writeSafetensors(files.tokenizer, await toHost(device, tokenizer.parameters()), {
    config: JSON.stringify(config),
  });
  const arpg = tinyArpg(device, { cells: grid ** 2, classes: 10 });
  await writeSafetensors(
    files.arpg,
    await toHost(device, arpg.parameters()),
    arpgMetadata({ ...tinyArpgConfig, cells: grid ** 2, classes: 10 }),
  );
  const card = { architecture: "pooled", size: 8, seed: 1, epochs: 0, accuracy: 0.1 } as const;
  await saveJudge(device, files.judge, makeJudge(new Initializer(device, 1), card), card);
  return files;
}
