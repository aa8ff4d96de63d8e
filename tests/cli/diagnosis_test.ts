import assert from "node:assert/strict";
import { diagnose, type MachineFacts } from "../../src/cli/diagnosis.ts";
import { defaultTable } from "../../src/gpu/kernel_table.ts";

/** A machine before `deno task tune`. */
const untuned = (facts: Omit<MachineFacts, "kernels">) => ({ ...facts, kernels: defaultTable(facts.adapter) });

const llvmpipe: MachineFacts = untuned({
  runtime: "Deno 2.9.6 on linux x86_64",
  platform: { os: "linux", osRelease: "ID=debian\n", root: true, nvidia: false },
  cores: 2,
  availableBytes: 6.5 * 2 ** 30,
  adapter: {
    name: "llvmpipe (LLVM 15.0.6, 256 bits)",
    software: true,
    features: new Set(["subgroups", "timestamp-query"]),
    subgroupSize: 8,
  },
  limits: {
    maxBufferSize: 2 ** 31,
    maxStorageBufferBindingSize: 2 ** 27,
    maxComputeInvocationsPerWorkgroup: 1024,
    maxComputeWorkgroupStorageSize: 32768,
  },
});
const gpu: MachineFacts = untuned({
  ...llvmpipe,
  adapter: {
    name: "NVIDIA H100",
    software: false,
    features: new Set(["subgroups", "timestamp-query", "shader-f16"]),
    subgroupSize: 0,
  },
});
const slow = "slow: no GPU driver was found, so the CPU computes everything; a GPU with a working Vulkan, Metal or " +
  "Direct3D 12 driver is used without any setting";

Deno.test("the doctor describes a software adapter and says that it is slow", () => {
  assert.deepEqual(diagnose(llvmpipe), [
    "runtime    Deno 2.9.6 on linux x86_64",
    "adapter    llvmpipe (LLVM 15.0.6, 256 bits)",
    "runs on    the CPU, 2 cores",
    "kernels    tiles for subgroups of 8 lanes",
    "granted    subgroups, timestamp-query",
    "refused    shader-f16",
    "tensor     at most 128 MiB",
    "workgroup  1024 invocations, 32 KiB shared",
    "memory     6.5 GiB available",
    slow,
    "missing: shader-f16, which no kernel needs so far",
  ]);
});

Deno.test("the doctor finds nothing missing on a GPU with every feature", () => {
  assert.deepEqual(diagnose(gpu).slice(1), [
    "adapter    NVIDIA H100",
    "runs on    the GPU",
    "kernels    tiles in workgroup memory, as for discrete GPUs",
    "granted    subgroups, timestamp-query, shader-f16",
    "refused    nothing",
    "tensor     at most 128 MiB",
    "workgroup  1024 invocations, 32 KiB shared",
    "memory     WebGPU does not tell a GPU's memory",
    "Nothing is missing",
  ]);
});

Deno.test("the doctor names the kernels that tune chose", () => {
  const [, , , kernels] = diagnose({ ...gpu, kernels: { ...gpu.kernels, matmul: "block64", rows: "plain" } });
  assert.equal(
    kernels,
    "kernels    tiles in workgroup memory, as for discrete GPUs; by deno task tune matmul block64, rows plain",
  );
});

Deno.test("the doctor tells what every missing feature costs", () => {
  const bare = diagnose({ ...gpu, adapter: { ...gpu.adapter, features: new Set() } });
  assert.equal(bare[4], "granted    no optional feature");
  assert.deepEqual(bare.slice(9), [
    "missing: subgroups, without which software adapters run plain kernels; those of GPUs need none",
    "missing: timestamp-query, so kernels cannot be profiled",
    "missing: shader-f16, which no kernel needs so far",
  ]);
});

Deno.test("the doctor names an NVIDIA card that WebGPU does not see", () => {
  const advice = diagnose({ ...llvmpipe, platform: { ...llvmpipe.platform, nvidia: true } }).slice(9, 11);
  assert.deepEqual(advice, [
    slow,
    "An NVIDIA card is here but its Vulkan driver is not: in a container set NVIDIA_DRIVER_CAPABILITIES=all",
  ]);
});
