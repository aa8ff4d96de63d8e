import { join } from "node:path";
import { z } from "zod";
import { frechetDistance, frechetStatistics } from "../../eval/frechet.ts";
import { inceptionScore } from "../../eval/inception_score.ts";
import { kernelDistance } from "../../eval/kid.ts";
import { precisionRecall } from "../../eval/precision_recall.ts";
import { softmax } from "../../ops/softmax.ts";
import type { Device } from "../../tensor/device.ts";
import type { HostTensor } from "../../tensor/host_tensor.ts";
import { inputOf, parseFields, type ReferenceCase } from "./reference_case.ts";

const paramsSchema = z.object({ k: z.int().positive().default(3) });

/**
 * `metrics`: `frechet_distance`, `kid`, `precision` and `recall` of `features_real` `[M, D]` and `features_fake`
 * `[N, D]`, and `inception_score` of `logits_fake` `[N, C]`; each `[1]`.
 */
export async function runMetrics(device: Device, given: ReferenceCase): Promise<Map<string, HostTensor>> {
  const { k } = parseFields(join(given.folder, "case.json"), paramsSchema, given.params);
  const real = inputOf(given, "features_real"), fake = inputOf(given, "features_fake");
  const logits = inputOf(given, "logits_fake");
  const [dimensions, other] = [real, fake].map(({ shape }) => shape.at(-1) ?? 1) as [number, number];
  if (dimensions !== other) {
    throw new RangeError(`Cannot compare features of ${dimensions} and ${other} dimensions: wanted the same`);
  }
  const probabilities = await softmax(device.tensor(Float32Array.from(logits.data), logits.shape)).data();
  const { precision, recall } = precisionRecall(real.data, fake.data, dimensions, k);
  const metrics = {
    frechet_distance: frechetDistance(
      frechetStatistics(real.data, dimensions),
      frechetStatistics(fake.data, dimensions),
    ),
    kid: kernelDistance(real.data, fake.data, dimensions),
    inception_score: inceptionScore(probabilities, logits.shape.at(-1) ?? 1),
    precision,
    recall,
  };
  return new Map(
    Object.entries(metrics).map(([name, value]) => [name, { shape: [1], data: Float32Array.of(value) }]),
  );
}
