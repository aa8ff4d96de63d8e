import type { BufferPool, PooledMemory } from "../gpu/pool.ts";

/** The memory of a tensor and of its reshaped views. */
export class Storage {
  /** False once the memory is given back. */
  alive = true;

  /** Made by `Device.empty`. */
  constructor(readonly pooled: PooledMemory, public owner: Scope | null, private readonly pool: BufferPool) {}

  /** Gives the memory back. Doing so twice is harmless. */
  release(): void {
    if (!this.alive) return;
    this.alive = false;
    this.owner?.storages.delete(this);
    this.pool.release(this.pooled);
  }
}

/**
 * A lifetime: tensors made while it is open die with it, except those handed to `keep`. Use it with `using`:
 *
 * ```ts
 * import { add, Device, mul } from "@stipple/stipple";
 *
 * const device = await Device.open();
 * const x = device.tensor([1, 2, 3]);
 * function twiceTheNext() {
 *   using scope = device.scope();
 *   return scope.keep(mul(add(x, 1), 2)); // the sum dies here, the product lives on
 * }
 * if ((await twiceTheNext().data())[0] !== 4) throw new Error("expected (1 + 1) 2 = 4");
 * device.destroy();
 * ```
 */
export class Scope {
  /** Memory that ends with it. */
  readonly storages: Set<Storage> = new Set();

  /** Made by `Device.scope`. */
  constructor(readonly parent: Scope | null, private readonly onEnd: (scope: Scope) => void) {}

  /** Lets a tensor outlive this scope: it moves to the enclosing one, or lives until it is disposed of. */
  keep<T extends { readonly storage: Storage }>(tensor: T): T {
    const { storage } = tensor;
    if (this.storages.delete(storage)) {
      storage.owner = this.parent;
      this.parent?.storages.add(storage);
    }
    return tensor;
  }

  /** Ends the scope. @throws {Error} before the end of a scope inside it. */
  [Symbol.dispose](): void {
    this.onEnd(this);
    this.release();
  }

  /** Gives the memory of its tensors back. */
  release(): void {
    for (const storage of [...this.storages]) storage.release();
  }
}
