import { UserError } from "../error.ts";

/** Features that are asked for one by one, because `adapter.features` does not list all that a device grants. */
export type Feature = "subgroups" | "timestamp-query" | "shader-f16";
const wantedFeatures: readonly Feature[] = ["subgroups", "timestamp-query", "shader-f16"];

/** Limits whose default is too low for tensors; the adapter's own value is requested. */
const raisedLimits = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxStorageTexturesPerShaderStage",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupStorageSize",
] as const;

/** An opened WebGPU device with what kernels need to know about it. */
export interface OpenedAdapter {
  /** The device, with raised limits and every granted feature. */
  readonly device: GPUDevice;
  /** Adapter name as the driver gives it, for example `llvmpipe (LLVM 15.0.6, 256 bits)`. */
  readonly name: string;
  /** True for an adapter that runs on the CPU. */
  readonly software: boolean;
  /** The features it granted. */
  readonly features: ReadonlySet<Feature>;
  /** The lane count of a subgroup where it is known before running a kernel, else 0; 8 selects the tiled kernels. */
  readonly subgroupSize: number;
}

/** The one line every command prints where WebGPU finds no adapter. */
export const noAdapterMessage =
  "No WebGPU adapter found: wanted a GPU driver or Mesa's software driver; run `deno task doctor` to see what is " +
  "missing, or on Debian and Ubuntu `apt-get install -y mesa-vulkan-drivers`";

/** Where adapters come from: `navigator.gpu`, which is undefined where the runtime has no WebGPU. */
export type AdapterSource = Pick<GPU, "requestAdapter"> | undefined;

async function requestAdapter(gpu: AdapterSource, software: boolean): Promise<GPUAdapter> {
  const adapter = await gpu?.requestAdapter({
    powerPreference: "high-performance",
    forceFallbackAdapter: software,
  });
  if (!adapter) throw new UserError(noAdapterMessage);
  return adapter;
}

/** Tries each wanted feature on a device of its own: asking is the only reliable way to learn of it. */
async function tryFeatures(gpu: AdapterSource, software: boolean): Promise<Set<Feature>> {
  const granted = new Set<Feature>();
  for (const feature of wantedFeatures) {
    const adapter = await requestAdapter(gpu, software);
    try {
      const device = await adapter.requestDevice({ requiredFeatures: [feature as GPUFeatureName] });
      device.destroy();
      granted.add(feature);
    } catch {
      // Not granted: the adapter lacks it, and kernels fall back.
    }
  }
  return granted;
}

/**
 * Opens the high-performance adapter with its own limits and every wanted feature it grants.
 *
 * @param options.software take the software adapter even beside a GPU (parity tests).
 * @param gpu where adapters come from.
 * @throws {UserError} where there is no adapter.
 */
export async function openAdapter(
  options: { software?: boolean } = {},
  gpu: AdapterSource = navigator.gpu,
): Promise<OpenedAdapter> {
  const software = options.software ?? false;
  const adapter = await requestAdapter(gpu, software);
  const requiredLimits = Object.fromEntries(raisedLimits.map((name) => [name, adapter.limits[name]]));
  let features = new Set<Feature>(wantedFeatures);
  let device: GPUDevice;
  try {
    device = await adapter.requestDevice({ requiredLimits, requiredFeatures: [...features] as GPUFeatureName[] });
  } catch {
    features = await tryFeatures(gpu, software);
    const again = await requestAdapter(gpu, software);
    device = await again.requestDevice({ requiredLimits, requiredFeatures: [...features] as GPUFeatureName[] });
  }
  if (!await compilesSubgroups(device)) features.delete("subgroups");
  const name = adapter.info.description || adapter.info.device || adapter.info.vendor || "unknown adapter";
  const { vendor, architecture } = adapter.info; // a browser names SwiftShader by its architecture alone
  const onCpu = /llvmpipe|swiftshader|lavapipe|software/i.test(`${name} ${vendor} ${architecture}`);
  const bits = Number(/(\d+) bits\)/.exec(name)?.[1] ?? 0); // llvmpipe names its vector width: one lane per 32 bits
  return {
    device,
    name: [name, adapter.info.device].find((text) => /[A-Za-z]/.test(text)) ?? name,
    software: onCpu,
    features,
    subgroupSize: onCpu && features.has("subgroups") ? bits / 32 : 0,
  };
}

/** Some backends (OpenGL) grant subgroups and then refuse the kernels that use them. */
async function compilesSubgroups(device: GPUDevice): Promise<boolean> {
  device.pushErrorScope("validation");
  const code = "@compute @workgroup_size(8) fn main() { _ = subgroupBroadcast(1u, 0u); }";
  const module = device.createShaderModule({ code });
  device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
  return await device.popErrorScope() === null;
}
