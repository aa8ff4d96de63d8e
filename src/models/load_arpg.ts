import { naming, UserError } from "../error.ts";
import { BlankInitializer } from "../nn/init.ts";
import { checkWeights, loadParameters } from "../nn/module.ts";
import type { Device } from "../tensor/device.ts";
import type { HostTensor } from "../tensor/host_tensor.ts";
import { Arpg } from "./arpg.ts";
import { type ArpgConfig, arpgConfigSchema, arpgShapes, arpgSizes } from "./arpg_config.ts";

/** The metadata that {@link loadArpg} reads. */
export function arpgMetadata(config: ArpgConfig): Record<string, string> {
  return { family: "arpg", config: JSON.stringify(config) };
}

/**
 * The sizes that a checkpoint carries as JSON under the metadata key `config`.
 *
 * @param file names the checkpoint in errors.
 * @throws {UserError} where they are missing or make no model.
 */
export function parseArpgConfig(metadata: Readonly<Record<string, string>>, file: string): ArpgConfig {
  const refuse = (reason: string, cause?: unknown) =>
    new UserError(`Cannot load an ARPG from ${file}: ${reason}; name a file that the digits_arpg job wrote`, { cause });
  if (metadata.config === undefined) throw refuse("its metadata has no config");
  try {
    const config = arpgConfigSchema.parse(JSON.parse(metadata.config));
    arpgSizes(config);
    return config;
  } catch (cause) {
    throw refuse("the config in its metadata is not that of an ARPG", cause);
  }
}

/**
 * The model of a safetensors file that the digits_arpg job wrote: sizes come from its metadata.
 *
 * @param file names it in errors.
 * @throws {UserError} for a file of another kind.
 */
export function loadArpg(
  device: Device,
  { tensors, metadata }: {
    readonly tensors: ReadonlyMap<string, HostTensor>;
    readonly metadata: Readonly<Record<string, string>>;
  },
  file: string,
): Arpg {
  const config = parseArpgConfig(metadata, file);
  try {
    checkWeights(arpgShapes(config), tensors); // before the model is made: the metadata may promise anything
    const model = new Arpg(new BlankInitializer(device), config);
    loadParameters(model, tensors);
    return model;
  } catch (cause) {
    throw naming(file, cause);
  }
}
