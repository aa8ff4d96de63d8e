import { UserError } from "../../error.ts";
import type { Device } from "../../tensor/device.ts";
import type { HostTensor } from "../../tensor/host_tensor.ts";
import { runAdamW } from "./adamw.ts";
import { runArpgForward, runArpgGenerate, runArpgLogProbs } from "./arpg.ts";
import { runClassifier } from "./classifier.ts";
import { runClipPreprocess } from "./clip_preprocess.ts";
import { runClip } from "./clip.ts";
import { runGrpoLoss } from "./grpo_loss.ts";
import { runLlamaGenForward, runLlamaGenGenerate } from "./llamagen.ts";
import { runLstm } from "./lstm.ts";
import { runMetrics } from "./metrics.ts";
import { runPolicyLogProb } from "./policy.ts";
import { runQuality } from "./quality.ts";
import type { ReferenceCase } from "./reference_case.ts";
import { runVqDecode, runVqEncode } from "./vq.ts";

/** Computes a case's outputs by name. */
export type CaseRun = (device: Device, given: ReferenceCase) => Promise<ReadonlyMap<string, HostTensor>>;

/** How each kind of case is computed. */
export const caseRuns: Readonly<Record<string, CaseRun>> = {
  "arpg.forward": runArpgForward,
  "arpg.generate": runArpgGenerate,
  "arpg.parallel_logprob": runArpgLogProbs,
  "classifier.forward": runClassifier,
  "clip.preprocess": runClipPreprocess,
  "clip.embed": runClip,
  "grpo.loss": runGrpoLoss,
  "llamagen.forward": runLlamaGenForward,
  "llamagen.generate": runLlamaGenGenerate,
  "lstm.forward": runLstm,
  "metrics": runMetrics,
  "optimizer.adamw": runAdamW,
  "policy.logprob": runPolicyLogProb,
  "reward.quality": runQuality,
  "vq.decode": runVqDecode,
  "vq.encode": runVqEncode,
};

/** Computes the outputs of a case. @throws {UserError} for an unknown kind, and for what the kind refuses. */
export async function runCase(device: Device, given: ReferenceCase): Promise<ReadonlyMap<string, HostTensor>> {
  const { kind } = given;
  if (!Object.hasOwn(caseRuns, kind)) {
    throw new UserError(`Cannot run kind ${JSON.stringify(kind)}: known are ${Object.keys(caseRuns).join(", ")}`);
  }
  using _scope = device.scope();
  try {
    return await caseRuns[kind]!(device, given);
  } catch (cause) {
    // The tensor layer refuses shapes that do not fit: here they come from the case's files.
    if (!(cause instanceof RangeError)) throw cause;
    throw new UserError(`Cannot run ${kind}: ${cause.message}`, { cause });
  }
}
