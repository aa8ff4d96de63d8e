import fillShader from "../../shaders/fill.wgsl" with { type: "text" };
import type { Cost } from "../gpu/command_list.ts";
import { Gpu, type GpuOptions } from "../gpu/gpu.ts";
import type { Overrides, ShaderSource } from "../gpu/kernel.ts";
import type { ParamValues } from "../gpu/params.ts";
import { type MemoryKind, type PooledMemory, texelsPerRow, textureFormats } from "../gpu/pool.ts";
import type { Recording } from "../gpu/recorder.ts";
import { Captured } from "./captured.ts";
import { arrayOf, type DType, dtypeOf } from "./dtype.ts";
import type { HostArray } from "./host_tensor.ts";
import { Scope, Storage } from "./scope.ts";
import { checkShape, type Shape, showShape, sizeOf } from "./shape.ts";
import { Tensor } from "./tensor.ts";

const fill: ShaderSource = { name: "fill", text: fillShader };

/** Workgroup counts, or the u32 elements of a tensor (from `at`) that hold them. */
export type DispatchGrid = readonly [number, number?, number?] | { readonly counts: Tensor; readonly at: number };

/** How `KernelCache.kernel` spells bindings of each kind of memory. */
const readLetters = { buffer: "r", texture: "t", half: "h" } as const;
const writeLetters = { buffer: "w", texture: "o", half: "f" } as const;

/** One kernel launch over tensors. */
export interface Launch {
  /** Inputs in the order of their bindings. */
  readonly read: readonly Tensor[];
  /** Outputs, bound after the inputs. */
  readonly write: readonly Tensor[];
  /** Sizes, by the names of the shader's `Params`. */
  readonly params: ParamValues;
  /** The variant of the kernel. */
  readonly overrides?: Overrides;
  /** Workgroups. */
  readonly grid: DispatchGrid;
  /** What profiles count. */
  readonly cost?: Cost;
}

/** Folds a count of workgroups into a grid whose dimensions stay below WebGPU's 65535. */
export function foldGrid(workgroups: number): [number, number, number] {
  const y = Math.ceil(workgroups / 65535);
  return [Math.ceil(workgroups / y), y, 1];
}

/** The device on which tensors live: memory, lifetimes, recording. */
export class Device {
  /** False inside `noGrad`: ops then leave no trace on the tape. */
  gradEnabled = true;
  /** Number of tape nodes made; their ids order the backward pass. */
  nodes = 0;
  #scope: Scope | null = null;
  /** Memory named since the capture began. */
  #captureUse: Set<Storage> | null = null;
  /** Textures made since the capture began, by what they are copies of: backward reads what forward copied. */
  #captureCopies: Map<Storage, Tensor> | null = null;

  /** A device on an opened adapter; see `open`. */
  constructor(readonly gpu: Gpu) {}

  /** Opens the adapter. @throws {UserError} where there is none. */
  static async open(options: GpuOptions = {}): Promise<Device> {
    return new Device(await Gpu.open(options));
  }

  /** Opens a lifetime inside the present one; end it with `using`. */
  scope(): Scope {
    return this.#scope = new Scope(this.#scope, (ended) => {
      if (this.#scope !== ended) throw new Error("a scope must end before the one that encloses it");
      this.#scope = ended.parent;
    });
  }

  /** A tensor with undefined contents. */
  empty(shape: Shape, dtype: DType = "f32", purpose = "tensor", kind: MemoryKind = "buffer"): Tensor {
    checkShape(shape, purpose);
    const bytes = sizeOf(shape) * (kind === "half" ? 2 : 4);
    const pooled = this.gpu.pool.acquire(bytes, `${purpose} ${showShape(shape)}`, kind);
    const storage = new Storage(pooled, this.#scope, this.gpu.pool);
    this.#scope?.storages.add(storage);
    return new Tensor(this, storage, shape, dtype);
  }

  /**
   * A copy of a tensor in a texture, for kernels that read it many times (see `MemoryKind`). The number of elements must
   * be divisible by 4. Inside a capture, calls share a copy for as long as nobody writes the tensor or the copy: leave its
   * end to the scope.
   */
  texture(tensor: Tensor): Tensor {
    if (tensor.size % 4) {
      throw new RangeError(
        `Cannot copy shape ${showShape(tensor.shape)} to a texture: wanted a number of elements divisible by 4`,
      );
    }
    const from = this.#buffer(tensor, "texture"), known = this.#captureCopies?.get(tensor.storage);
    if (known?.storage.alive && known.size === tensor.size) return known.view(tensor.shape);
    const copy = this.empty(tensor.shape, tensor.dtype, "texture", "texture");
    this.gpu.recorder.copy(from, copy.storage.pooled, tensor.size * 4);
    this.#captureCopies?.set(tensor.storage, copy);
    return copy;
  }

  /**
   * Host values in a texture, as kernels read frozen weights. What does not fill a texel is padded with zeros.
   *
   * @param kind `half` rounds to float16.
   * @throws {RangeError} for values of another number than the shape's.
   */
  textureOf(data: Float32Array, shape: Shape, kind: "texture" | "half" = "texture"): Tensor {
    const { recorder, adapter } = this.gpu;
    if (recorder.capturing) throw new Error("Cannot write host values inside a capture: make the texture before it");
    requireLength(data, shape);
    const tensor = this.empty(shape, "f32", "weights", kind);
    recorder.flush(); // recorded work may still read what the texture held before
    const rows = Math.ceil(data.length / (4 * texelsPerRow));
    const values = new (kind === "half" ? Float16Array : Float32Array)(rows * texelsPerRow * 4);
    values.set(data);
    adapter.device.queue.writeTexture(
      { texture: tensor.storage.pooled.resource as GPUTexture },
      values,
      { bytesPerRow: texelsPerRow * textureFormats[kind].bytes },
      [texelsPerRow, rows],
    );
    values.buffer.transfer(0); // frees it at once: weights come faster than garbage is collected
    return tensor;
  }

  /** A tensor of one value. */
  full(shape: Shape, value: number, dtype: DType = "f32"): Tensor {
    const tensor = this.empty(shape, dtype);
    const bits = dtype === "f32" ? new Uint32Array(Float32Array.of(value).buffer)[0]! : value >>> 0;
    const n = tensor.size;
    this.launch(fill, "forward", {
      read: [],
      write: [tensor],
      params: { n, bits },
      grid: foldGrid(Math.ceil(n / 256)),
    });
    return tensor;
  }

  /** A tensor of zeros. */
  zeros(shape: Shape, dtype: DType = "f32"): Tensor {
    return this.full(shape, 0, dtype);
  }

  /** A tensor of host values; `Uint8Array` widens to u32. */
  tensor(data: HostArray | readonly number[], shape?: Shape): Tensor {
    const array = isHostArray(data) ? data : Float32Array.from(data);
    const tensor = this.empty(shape ?? [array.length], dtypeOf(array));
    this.upload(tensor, array);
    return tensor;
  }

  /** A trainable tensor: outlives every scope and wants gradients. */
  parameter(data: Float32Array, shape: Shape): Tensor {
    return this.persistent(() => {
      const tensor = this.tensor(data, shape);
      tensor.requiresGrad = true;
      return tensor;
    });
  }

  /** What `body` makes outside scopes of its own outlives every scope: constants that a model keeps. */
  persistent<T>(body: () => T): T {
    const inner = this.#scope;
    this.#scope = null;
    try {
      return body();
    } finally {
      this.#scope = inner;
    }
  }

  /** Writes host values into a tensor, after everything recorded before. */
  upload(tensor: Tensor, data: HostArray): void {
    requireLength(data, tensor.shape);
    const dtype = dtypeOf(data);
    if (dtype !== tensor.dtype) throw new RangeError(`Cannot write ${dtype} values to a tensor of ${tensor.dtype}`);
    const { recorder, adapter } = this.gpu;
    const pooled = this.#buffer(tensor, "write");
    if (recorder.capturing) throw new Error("Cannot write host values inside a capture: make the tensor before it");
    if (pooled.lastBatch === recorder.batch) recorder.flush();
    const words = data instanceof Uint8Array ? Uint32Array.from(data) : data;
    adapter.device.queue.writeBuffer(pooled.resource as GPUBuffer, 0, words as Float32Array<ArrayBuffer>);
  }

  /** Elements of several tensors, as they are at the time of the call, with one submit and one wait. */
  async read(tensors: readonly Tensor[]): Promise<(Float32Array | Int32Array | Uint32Array)[]> {
    const { gpu } = this;
    if (gpu.recorder.capturing) throw new Error("Cannot read values inside a capture: read its result after a replay");
    const parts = tensors.map((tensor) => ({ source: this.#buffer(tensor, "data"), bytes: tensor.size * 4 }));
    const copies = await gpu.read(parts);
    return copies.map((bytes, i) => arrayOf(tensors[i]!.dtype, bytes));
  }

  /** Runs `body` without recording on the tape. */
  noGrad<T>(body: () => T): T {
    const before = this.gradEnabled;
    this.gradEnabled = false;
    try {
      return body();
    } finally {
      this.gradEnabled = before;
    }
  }

  /** Appends one kernel to the recorder. */
  launch(source: ShaderSource, entry: string, launch: Launch): void {
    const { read, write, params, overrides, grid, cost } = launch;
    const { kernels, recorder } = this.gpu;
    const memory: PooledMemory[] = [];
    let bindings = "";
    for (const tensor of read) {
      const pooled = this.#pooled(tensor, source.name);
      memory.push(pooled);
      bindings += readLetters[pooled.kind];
    }
    for (const tensor of write) {
      const pooled = this.#pooled(tensor, source.name);
      memory.push(pooled);
      bindings += writeLetters[pooled.kind];
      this.#forgetCopies(tensor.storage);
    }
    const kernel = kernels.kernel(source, entry, bindings, overrides);
    const size = "counts" in grid
      ? { indirect: this.#buffer(grid.counts, source.name), byteOffset: grid.at * 4 }
      : [grid[0], grid[1] ?? 1, grid[2] ?? 1] as const;
    recorder.dispatch(kernel, memory, params, size, cost);
  }

  /**
   * Records the kernels of `body` without running them. Tensors made in it live until `dispose`; tensors made before
   * are its inputs, and `Scalar`s its changing numbers.
   *
   * @throws {Error} inside another capture, and where `body` writes or reads host values.
   */
  capture<T>(body: () => T): Captured<T> {
    const { recorder, pool } = this.gpu;
    if (recorder.capturing) throw new Error("Cannot capture inside a capture: capture the steps one after the other");
    const outer = this.#scope;
    const scope = this.scope();
    const used = this.#captureUse = new Set();
    this.#captureCopies = new Map();
    const endCapture = pool.beginCapture();
    let result: T;
    let recording: Recording | undefined;
    try {
      recording = recorder.capture(() => void (result = body()));
      return new Captured(result!, recorder, recording, scope, used, endCapture());
    } finally {
      this.#captureUse = this.#captureCopies = null;
      this.#scope = outer;
      if (!recording) {
        scope.release();
        endCapture()();
      }
    }
  }

  /** Waits until everything recorded has run, and reports errors. */
  async idle(): Promise<void> {
    using _scope = this.scope();
    await this.full([1], 0).data();
  }

  /** Frees the device. */
  destroy(): void {
    this.gpu.destroy();
  }

  /** What was written equals its copy no longer, nor the copy what it was made of. */
  #forgetCopies(written: Storage): void {
    for (const [from, { storage }] of this.#captureCopies ?? []) {
      if (from === written || storage === written) this.#captureCopies!.delete(from);
    }
  }

  #buffer(tensor: Tensor, op: string): PooledMemory {
    const pooled = this.#pooled(tensor, op);
    if (pooled.kind !== "buffer") throw new Error(`Cannot use a texture in ${op}: use the tensor it is a copy of`);
    return pooled;
  }

  #pooled(tensor: Tensor, op: string): PooledMemory {
    if (tensor.device !== this) throw new Error(`Cannot use a tensor of another device in ${op}`);
    if (!tensor.storage.alive) {
      throw new Error(
        `Cannot use a tensor of shape ${showShape(tensor.shape)} in ${op}: its scope has ended; ` +
          "keep() it, or open the scope further out",
      );
    }
    this.#captureUse?.add(tensor.storage);
    return tensor.storage.pooled;
  }
}

function requireLength({ length }: HostArray, shape: Shape): void {
  if (length === sizeOf(shape)) return;
  throw new RangeError(`Cannot write ${length} values to shape ${showShape(shape)}: wanted ${sizeOf(shape)}`);
}

function isHostArray(data: HostArray | readonly number[]): data is HostArray {
  return ArrayBuffer.isView(data);
}
