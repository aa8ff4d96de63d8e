import assert from "node:assert/strict";
import { UserError } from "../../src/error.ts";
import { type AdapterSource, noAdapterMessage, openAdapter } from "../../src/gpu/adapter.ts";

/** The real adapters, as if they refused a feature; each request is noted. */
function without(feature: string, requests: GPURequestAdapterOptions[]): AdapterSource {
  return {
    async requestAdapter(options) {
      requests.push(options!);
      const adapter = (await navigator.gpu.requestAdapter(options))!;
      return new Proxy(adapter, {
        get(target, name) {
          if (name === "requestDevice") {
            return (descriptor: GPUDeviceDescriptor) =>
              [...descriptor.requiredFeatures ?? []].includes(feature as GPUFeatureName)
                ? Promise.reject(new TypeError("not granted"))
                : target.requestDevice(descriptor);
          }
          return Reflect.get(target, name, target);
        },
      });
    },
  };
}

Deno.test("openAdapter asks for the adapter's own limits", async () => {
  const opened = await openAdapter();
  const adapter = (await navigator.gpu.requestAdapter({ powerPreference: "high-performance" }))!;
  for (const name of ["maxBufferSize", "maxStorageBufferBindingSize", "maxStorageBuffersPerShaderStage"] as const) {
    assert.equal(opened.device.limits[name], adapter.limits[name], name);
  }
  assert.match(opened.name, /[A-Za-z]/);
  opened.device.destroy();
});

Deno.test("openAdapter does without a feature that is refused, and keeps the others", async () => {
  const all = await openAdapter();
  const requests: GPURequestAdapterOptions[] = [];
  const opened = await openAdapter({}, without("timestamp-query", requests));
  assert.deepEqual(opened.features, new Set([...all.features].filter((feature) => feature !== "timestamp-query")));
  assert.ok(requests.every((options) => options.powerPreference === "high-performance"));
  all.device.destroy();
  opened.device.destroy();
});

Deno.test("openAdapter knows a browser's software adapter by its architecture", async () => {
  const info = { vendor: "google", architecture: "swiftshader", device: "", description: "" };
  const opened = await openAdapter({}, {
    async requestAdapter(options) {
      const adapter = (await navigator.gpu.requestAdapter(options))!;
      return {
        info,
        limits: adapter.limits,
        requestDevice: adapter.requestDevice.bind(adapter),
      } as unknown as GPUAdapter;
    },
  });
  assert.ok(opened.software);
  assert.equal(opened.subgroupSize, 0);
  opened.device.destroy();
});

Deno.test("openAdapter passes the wish for the software adapter on", async () => {
  const requests: GPURequestAdapterOptions[] = [];
  const opened = await openAdapter({ software: true }, {
    requestAdapter(options) {
      requests.push(options!);
      return navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
    },
  });
  assert.ok(requests.length > 0 && requests.every((options) => options.forceFallbackAdapter));
  opened.device.destroy();
});

Deno.test("without an adapter the message says what to do", async () => {
  await assert.rejects(openAdapter({}, { requestAdapter: () => Promise.resolve(null) }), (error) => {
    assert.ok(error instanceof UserError);
    assert.equal(error.message, noAdapterMessage);
    return true;
  });
  assert.match(
    noAdapterMessage,
    /^No WebGPU adapter found: .*deno task doctor.*apt-get install -y mesa-vulkan-drivers`$/,
  );
});
