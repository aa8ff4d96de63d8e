import { naming, UserError } from "../error.ts";
import { readSafetensors, writeSafetensors } from "../io/safetensors.ts";
import { BlankInitializer } from "../nn/init.ts";
import { checkWeights, loadParameters } from "../nn/module.ts";
import { DecodingPolicy } from "../policy/decoding_policy.ts";
import {
  type DecodingPolicyConfig,
  decodingPolicySchema,
  decodingPolicyShapes,
  decodingPolicySizes,
} from "../policy/decoding_policy_config.ts";
import type { Device } from "../tensor/device.ts";
import { toHost } from "./run_state.ts";

/** Writes a policy as a safetensors file with its config as JSON under the metadata key `config`. */
export async function savePolicy(device: Device, path: string, policy: DecodingPolicy): Promise<void> {
  const metadata = { model: "decoding_policy", config: JSON.stringify(policy.config) };
  await writeSafetensors(path, await toHost(device, policy.parameters()), metadata);
}

/**
 * The decoding policy of a file that {@link savePolicy} wrote: its sizes come from the file.
 *
 * @throws {UserError} for a file of another kind.
 */
export async function loadPolicy(device: Device, path: string): Promise<DecodingPolicy> {
  const { tensors, metadata } = await readSafetensors(path);
  const config = parseConfig(metadata, path);
  try {
    checkWeights(decodingPolicyShapes(config), tensors); // before the policy is made: the metadata may promise anything
    const policy = new DecodingPolicy(new BlankInitializer(device), config);
    loadParameters(policy, tensors);
    return policy;
  } catch (cause) {
    throw naming(path, cause);
  }
}

function parseConfig({ config }: Readonly<Record<string, string>>, path: string): DecodingPolicyConfig {
  try {
    const parsed = decodingPolicySchema.parse(JSON.parse(config ?? "null"));
    decodingPolicySizes(parsed);
    return parsed;
  } catch (cause) {
    throw new UserError(
      `Cannot load a decoding policy from ${path}: its metadata has no config of one; name a file that the training of ` +
        "a policy wrote",
      { cause },
    );
  }
}
