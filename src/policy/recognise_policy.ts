import { sameShape, type Shape } from "../tensor/shape.ts";
import {
  type DecodingPolicyConfig,
  decodingPolicySchema,
  decodingPolicyShapes,
  decodingPolicySizes,
} from "./decoding_policy_config.ts";

/** The tensor without which no file is that of a policy: `[classes + 1, C]` in every network. */
const landmark = "classes.weight";

/**
 * The sizes of the decoding policy whose tensors have these names and shapes; null for what is none. They stand as JSON
 * under `config` in the metadata, since no tensor tells degrees, targets or prior. One tensor has to agree: others may be
 * missing or have other shapes, which loading finds.
 */
export function recognisePolicy(
  shapes: ReadonlyMap<string, Shape>,
  { config: text }: Readonly<Record<string, string>>,
): DecodingPolicyConfig | null {
  const shape = shapes.get(landmark);
  if (!shape || text === undefined) return null;
  try {
    const config = decodingPolicySchema.parse(JSON.parse(text));
    decodingPolicySizes(config);
    return sameShape(shape, decodingPolicyShapes(config).get(landmark)!) ? config : null;
  } catch {
    return null; // no JSON, or the sizes of something else
  }
}
