import type { OpenedAdapter } from "./adapter.ts";
import type { ErrorLog } from "./error_log.ts";
import type { PooledMemory } from "./pool.ts";
import { assembleShader, constantNames, maxParamWords, type Shader } from "./wgsl.ts";

/** A shader file: its basename and text. */
export interface ShaderSource {
  /** Basename of the file. */
  readonly name: string;
  /** The text with its directives. */
  readonly text: string;
}

/**
 * Values for a kernel's `override` declarations and for its file's `const NAME = 4u;` lines: variants and tile sizes,
 * never tensor sizes.
 */
export type Overrides = Readonly<Record<string, number>>;

/** A compiled entry point with the layout of its bindings. */
export interface Kernel {
  /** `<shader>.<entry>` with the overrides, as profiles and errors name it. */
  readonly label: string;
  /** Kind of each binding of group 0, a letter each. */
  readonly bindings: string;
  /** The assembled text and the layout of its params. */
  readonly shader: Shader;
  /** The compiled pipeline. */
  readonly pipeline: GPUComputePipeline;
  /** Layout of group 0: inputs, then outputs. */
  readonly layout: GPUBindGroupLayout;
}

/** Bytes of the uniform binding every kernel gets at group 1: the most a `Params` struct may hold. */
export const paramBytes = maxParamWords * 4;

/**
 * Compiles kernels once per (file, entry point, overrides, kinds of bindings) and keeps their bind groups.
 *
 * Group 0 holds the tensors, inputs first, then outputs; group 1 holds `Params` at a dynamic offset. Layouts
 * are explicit, so the same bind group serves every pipeline with the same kinds.
 */
export class KernelCache {
  /** Pipelines compiled so far. */
  compiled = 0;
  /** Layout of group 1: the params at a dynamic offset. */
  readonly paramsLayout: GPUBindGroupLayout;
  #shaders = new Map<string, { shader: Shader; module: GPUShaderModule }>();
  #kernels = new Map<string, Kernel>();
  #layouts = new Map<string, GPUBindGroupLayout>();
  #groups = new Map<string, GPUBindGroup>();
  #groupsOf = new Map<number, string[]>();

  /** An empty cache for one adapter. */
  constructor(private readonly adapter: OpenedAdapter, private readonly errors: ErrorLog) {
    this.paramsLayout = adapter.device.createBindGroupLayout({
      entries: [{
        binding: 0,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize: 0 },
      }],
    });
  }

  /**
   * The kernel `entry` of `source` for these bindings: a letter each, `r` and `w` for buffers read and written, `t` and
   * `o` for textures read and written, `h` and `f` for those of float16.
   */
  kernel(source: ShaderSource, entry: string, bindings: string, overrides?: Overrides): Kernel {
    let key = `${source.name}/${entry}/${bindings}`;
    for (const name in overrides) key += `,${name}=${overrides[name]}`;
    const known = this.#kernels.get(key);
    if (known) return known;
    const names = constantNames(source.text);
    const given = Object.entries(overrides ?? {});
    const constants = Object.fromEntries(given.filter(([name]) => names.has(name)));
    const halves = [...bindings].flatMap((letter, binding) => "hf".includes(letter) ? [binding] : []);
    const { shader, module } = this.#module(source, constants, halves);
    const label = `${source.name}.wgsl/${entry}`;
    const layout = this.#layout(bindings);
    const { device } = this.adapter;
    const pipeline = this.errors.watch(label, () =>
      device.createComputePipeline({
        label,
        layout: device.createPipelineLayout({ bindGroupLayouts: [layout, this.paramsLayout] }),
        compute: {
          module,
          entryPoint: entry,
          constants: Object.fromEntries(given.filter(([name]) => !names.has(name))),
        },
      }));
    this.compiled++;
    const kernel = { label, bindings, shader, pipeline, layout };
    this.#kernels.set(key, kernel);
    return kernel;
  }

  /** The bind group of this memory, in binding order. */
  bindGroup(kernel: Kernel, buffers: readonly PooledMemory[]): GPUBindGroup {
    let key = kernel.bindings;
    for (const { id } of buffers) key += `,${id}`;
    const known = this.#groups.get(key);
    if (known) return known;
    refuseAliases(kernel, buffers);
    const { label, layout } = kernel;
    const entries = buffers.map(({ binding: resource }, binding) => ({ binding, resource }));
    const group = this.errors.watch(label, () => this.adapter.device.createBindGroup({ label, layout, entries }));
    this.#groups.set(key, group);
    for (const { id } of buffers) {
      const keys = this.#groupsOf.get(id);
      if (keys) keys.push(key);
      else this.#groupsOf.set(id, [key]);
    }
    return group;
  }

  /** Drops the bind groups on a buffer that is about to be destroyed. */
  forget(buffer: PooledMemory): void {
    for (const key of this.#groupsOf.get(buffer.id) ?? []) this.#groups.delete(key);
    this.#groupsOf.delete(buffer.id);
  }

  #module(
    source: ShaderSource,
    constants: Record<string, number>,
    halves: readonly number[],
  ): { shader: Shader; module: GPUShaderModule } {
    const key = `${source.name}${JSON.stringify(constants)}${halves}`;
    const known = this.#shaders.get(key);
    if (known) return known;
    const shader = assembleShader(source.name, source.text, constants, "deno", halves);
    const made = { shader, module: this.errors.compile(shader, `${source.name}.wgsl`) };
    this.#shaders.set(key, made);
    return made;
  }

  #layout(bindings: string): GPUBindGroupLayout {
    const known = this.#layouts.get(bindings);
    if (known) return known;
    const entries = [...bindings].map((letter, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      ...bindingTypes[letter],
    }));
    const layout = this.adapter.device.createBindGroupLayout({ label: bindings, entries });
    this.#layouts.set(bindings, layout);
    return layout;
  }
}

/** WebGPU would refuse the whole submit for a buffer that is written and bound twice, without naming the kernel. */
function refuseAliases({ label, bindings }: Kernel, buffers: readonly PooledMemory[]): void {
  buffers.forEach((written, i) => {
    const other = buffers.findIndex(({ id }, j) => id === written.id && j !== i);
    if (other < 0 || "rth".includes(bindings[i]!)) return;
    throw new Error(`Cannot run ${label}: bindings ${other} and ${i} are the same memory, and ${i} is written`);
  });
}

const bindingTypes: Readonly<Record<string, Partial<GPUBindGroupLayoutEntry>>> = {
  r: { buffer: { type: "read-only-storage" } },
  w: { buffer: { type: "storage" } },
  t: { storageTexture: { access: "read-only", format: "rgba32float" } },
  o: { storageTexture: { access: "write-only", format: "rgba32float" } },
  h: { storageTexture: { access: "read-only", format: "rgba16float" } },
  f: { storageTexture: { access: "write-only", format: "rgba16float" } },
};
