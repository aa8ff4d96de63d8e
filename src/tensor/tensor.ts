import type { Device } from "./device.ts";
import type { DType } from "./dtype.ts";
import type { HostArray } from "./host_tensor.ts";
import type { Storage } from "./scope.ts";
import { checkShape, type Shape, showShape, sizeOf } from "./shape.ts";
import type { TapeNode } from "./tape.ts";

/** A row-major array on the device. Made by `Device` and by ops; lives as long as its scope. */
export class Tensor {
  /** The op that made it, where gradients flow through it. */
  node: TapeNode | null = null;
  /** True where gradients are wanted: parameters, and what was computed from them. */
  requiresGrad = false;

  /** Made by `Device` and by ops. */
  constructor(
    readonly device: Device,
    readonly storage: Storage,
    readonly shape: Shape,
    readonly dtype: DType,
  ) {}

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** The one asynchronous call: submits what is recorded and copies the elements to the host. */
  async data(): Promise<Float32Array | Int32Array | Uint32Array> {
    const [data] = await this.device.read([this]);
    return data!;
  }

  /** The single element of a one-element tensor. */
  async item(): Promise<number> {
    if (this.size !== 1) {
      throw new RangeError(`Cannot take the item of shape ${showShape(this.shape)}: wanted one element`);
    }
    return (await this.data())[0]!;
  }

  /** Overwrites the elements from the host; ordered after everything recorded before. */
  write(data: HostArray): void {
    this.device.upload(this, data);
  }

  /** The same memory under another shape, outside the tape; `reshape` of the ops is its differentiable form. */
  view(shape: Shape): Tensor {
    checkShape(shape, "view");
    if (sizeOf(shape) !== this.size) {
      throw new RangeError(
        `Cannot reshape ${showShape(this.shape)} to ${showShape(shape)}: ${this.size} elements needed`,
      );
    }
    return new Tensor(this.device, this.storage, shape, this.dtype);
  }

  /** The same values cut off from the tape. */
  detach(): Tensor {
    return this.view(this.shape);
  }

  /** Gives the memory back before the scope ends. */
  dispose(): void {
    this.storage.release();
  }
}
