import type { z } from "zod";
import type { ImagenetConfig } from "./imagenet_config.ts";
import { llamaGenOf } from "./imagenet_models.ts";

/** Refuses what a LlamaGen cannot do: it paints one cell after the other, and is painted with as it is trained. */
export function checkLlamaGen(config: Omit<ImagenetConfig, "job">, context: z.RefinementCtx): void {
  if (!llamaGenOf(config)) return;
  const { model: { dtype }, reward, train, training: { common_noise, max_steps } } = config;
  const refuse = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
  if (dtype !== "float32") refuse(["model", "dtype"], "expected float32: a LlamaGen paints with the weights it trains");
  if (train !== "generator") refuse(["train"], "expected generator: a LlamaGen has no order, and no policy for it");
  for (const part of ["fidelity", "efficiency"] as const) {
    if (reward[part]) refuse(["reward", part], "expected null: a LlamaGen paints every picture cell by cell");
  }
  if (max_steps !== null) {
    refuse(["training", "max_steps"], "expected null: a LlamaGen takes as many steps as a picture has cells");
  }
  if (common_noise) {
    refuse(["training", "common_noise"], "expected false: from the same noise a LlamaGen paints the same picture");
  }
}
