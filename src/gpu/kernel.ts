import type { OpenedAdapter } from "./adapter.ts";
import { type ErrorLog } from "./error_log.ts";
import type { PooledBuffer } from "./pool.ts";
import { assembleShader, type Shader } from "./wgsl.ts";

/** A shader file: its basename and text. */
export interface ShaderSource {
  readonly name: string;
  readonly text: string;
}

/** Values for a kernel's `override` declarations: variants and tile sizes, never tensor sizes. */
export type Overrides = Readonly<Record<string, number>>;

/** A compiled entry point with the layout of its bindings. */
export interface Kernel {
  readonly id: number;
  readonly label: string;
  readonly shader: Shader;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** Bytes of the uniform binding every kernel gets at group 1: the most a `Params` struct may hold. */
export const paramBytes = 256;

/**
 * Compiles kernels once per (file, entry point, overrides, number of inputs and outputs) and keeps their bind groups.
 *
 * Group 0 holds the storage buffers, inputs first, then outputs; group 1 holds `Params` at a dynamic offset. Layouts
 * are explicit, so the same bind group serves every pipeline with the same counts.
 */
export class KernelCache {
  /** Pipelines compiled so far. */
  compiled = 0;
  readonly paramsLayout: GPUBindGroupLayout;
  #shaders = new Map<string, { shader: Shader; module: GPUShaderModule }>();
  #kernels = new Map<string, Kernel>();
  #layouts = new Map<string, GPUBindGroupLayout>();
  #groups = new Map<string, GPUBindGroup>();
  #groupsOf = new Map<number, string[]>();

  constructor(private readonly adapter: OpenedAdapter, private readonly errors: ErrorLog) {
    this.paramsLayout = adapter.device.createBindGroupLayout({
      entries: [{
        binding: 0,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize: 0 },
      }],
    });
  }

  /** The kernel `entry` of `source` for `reads` inputs and `writes` outputs. */
  kernel(source: ShaderSource, entry: string, reads: number, writes: number, overrides?: Overrides): Kernel {
    let key = `${source.name}/${entry}/${reads},${writes}`;
    for (const name in overrides) key += `,${name}=${overrides[name]}`;
    const known = this.#kernels.get(key);
    if (known) return known;
    const { shader, module } = this.#module(source);
    const label = `${source.name}.wgsl/${entry}`;
    const layout = this.#layout(reads, writes);
    const { device } = this.adapter;
    const pipeline = device.createComputePipeline({
      label,
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout, this.paramsLayout] }),
      compute: { module, entryPoint: entry, ...(overrides ? { constants: { ...overrides } } : {}) },
    });
    this.compiled++;
    const kernel = { id: this.compiled, label, shader, pipeline, layout };
    this.#kernels.set(key, kernel);
    return kernel;
  }

  /** The bind group of these buffers, in binding order. */
  bindGroup(kernel: Kernel, reads: number, buffers: readonly PooledBuffer[]): GPUBindGroup {
    let key = `${reads}`;
    for (const { id } of buffers) key += `,${id}`;
    const known = this.#groups.get(key);
    if (known) return known;
    const entries = buffers.map(({ buffer }, binding) => ({ binding, resource: { buffer } }));
    const group = this.adapter.device.createBindGroup({ label: kernel.label, layout: kernel.layout, entries });
    this.#groups.set(key, group);
    for (const { id } of buffers) {
      const keys = this.#groupsOf.get(id);
      if (keys) keys.push(key);
      else this.#groupsOf.set(id, [key]);
    }
    return group;
  }

  /** Drops the bind groups on a buffer that is about to be destroyed. */
  forget(buffer: PooledBuffer): void {
    for (const key of this.#groupsOf.get(buffer.id) ?? []) this.#groups.delete(key);
    this.#groupsOf.delete(buffer.id);
  }

  #module(source: ShaderSource): { shader: Shader; module: GPUShaderModule } {
    const known = this.#shaders.get(source.name);
    if (known) return known;
    const shader = assembleShader(source.name, source.text);
    const module = this.adapter.device.createShaderModule({ label: `${source.name}.wgsl`, code: shader.code });
    this.errors.watchCompilation(module, shader, `${source.name}.wgsl`);
    const made = { shader, module };
    this.#shaders.set(source.name, made);
    return made;
  }

  #layout(reads: number, writes: number): GPUBindGroupLayout {
    const key = `${reads},${writes}`;
    const known = this.#layouts.get(key);
    if (known) return known;
    const entries = Array.from({ length: reads + writes }, (_, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: binding < reads ? "read-only-storage" as const : "storage" as const },
    }));
    const layout = this.adapter.device.createBindGroupLayout({ label: key, entries });
    this.#layouts.set(key, layout);
    return layout;
  }
}
