import assert from "node:assert/strict";
import { CommandList } from "../../src/gpu/command_list.ts";
import type { Kernel } from "../../src/gpu/kernel.ts";
import type { MemoryKind, PooledMemory } from "../../src/gpu/pool.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";
import { affine } from "./kernels.ts";

/** A list with y = x as its dispatch, for tests of the order alone. */
async function listOn() {
  const device = await testDevice();
  const kernel = device.gpu.kernels.kernel(affine, "forward", "rw");
  const list = new CommandList();
  return {
    device,
    list,
    dispatch(x: Tensor, y: Tensor) {
      const memory = [x.storage.pooled, y.storage.pooled];
      const group = device.gpu.kernels.bindGroup(kernel, memory);
      list.dispatch({ kernel, group, offset: 0, grid: [1, 1, 1], cost: undefined }, memory);
    },
    copy: (from: Tensor, to: Tensor) => list.copy(from.storage.pooled, to.storage.pooled, from.size * 4),
    counts: () => list.passes.map(({ copies, dispatches }) => [copies.length, dispatches.length]),
  };
}

Deno.test("copies of what a pass has not written come before it", async () => {
  const { device, list, dispatch, copy, counts } = await listOn();
  using _scope = device.scope();
  const [x, y, z] = [device.empty([4]), device.empty([4]), device.empty([4])];
  const [s, t] = [device.empty([4], "f32", "s", "texture"), device.empty([4], "f32", "t", "texture")];
  dispatch(x, y);
  copy(x, s);
  copy(z, t);
  dispatch(y, z);
  assert.deepEqual(counts(), [[2, 2]]);
  copy(z, s); // written meanwhile
  dispatch(x, y);
  copy(x, t);
  assert.deepEqual(counts(), [[2, 2], [2, 1]]);
  copy(y, t);
  assert.deepEqual(counts(), [[2, 2], [2, 1], [1, 0]]);
  assert.equal(list.length, 8);
});

Deno.test("a copy stays behind the dispatches that use what its target held before", async () => {
  const { device, list, copy, counts } = await listOn();
  using _scope = device.scope();
  const x = device.empty([4]), t = device.empty([4], "f32", "t", "texture");
  const kernel = device.gpu.kernels.kernel(affine, "forward", "rw");
  const group = device.gpu.kernels.bindGroup(kernel, [x.storage.pooled, device.empty([4]).storage.pooled]);
  const reader = { ...kernel, bindings: "tw" };
  copy(x, t);
  list.dispatch({ kernel: reader, group, offset: 0, grid: [1, 1, 1], cost: undefined }, [t.storage.pooled]);
  copy(x, t);
  assert.deepEqual(counts(), [[1, 1], [1, 0]]);
});

/** Memory without a device, for lists that nobody encodes. */
function memoryOf(kind: MemoryKind, count: number): PooledMemory[] {
  return Array.from({ length: count }, (_, id) => ({ id, kind, resource: {} } as PooledMemory));
}

Deno.test("whatever the commands, each dispatch meets what it would in the order of recording", () => {
  const random = seededRandom(1), pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]!;
  let passes = 0;
  for (let trial = 0; trial < 300; trial++) {
    const buffers = memoryOf("buffer", 3), textures = memoryOf("texture", 3), list = new CommandList();
    // What lies where, as the history that led to it; what each dispatch met.
    const held = new Map<unknown, string>(), expected: string[] = [], found: string[] = [];
    const dispatched: PooledMemory[][] = [];
    const run = (number: number, into: string[]) => {
      const memory = dispatched[number]!;
      into[number] = memory.map(({ resource }) => held.get(resource) ?? "nothing").join(" ");
      held.set(memory.at(-1)!.resource, `${number}(${into[number]})`);
    };
    const copied = (from: unknown, to: unknown) => held.set(to, held.get(from) ?? "nothing");
    for (let i = 0; i < 12; i++) {
      if (random() < 0.4) {
        const [from, to] = [pick(buffers), pick(textures)];
        list.copy(from, to, 64);
        copied(from.resource, to.resource);
      } else {
        const write = pick([...buffers, ...textures]);
        const read = [...buffers, ...textures].filter((one) => one !== write && random() < 0.3);
        const bindings = read.map(({ kind }) => kind === "buffer" ? "r" : "t").join("") +
          (write.kind === "buffer" ? "w" : "o");
        const number = dispatched.push([...read, write]) - 1;
        const dispatch = { kernel: { bindings } as Kernel, group: {} as GPUBindGroup, offset: number };
        list.dispatch({ ...dispatch, grid: [1, 1, 1], cost: undefined }, dispatched[number]!);
        run(number, expected);
      }
    }
    const atTheEnd = [...buffers, ...textures].map(({ resource }) => held.get(resource));
    held.clear();
    for (const { copies, dispatches } of list.passes) {
      for (const [{ buffer }, { texture }] of copies.flat()) copied(buffer, texture);
      for (const { offset } of dispatches) run(offset, found);
    }
    assert.deepEqual(found, expected, `trial ${trial}`);
    assert.deepEqual([...buffers, ...textures].map(({ resource }) => held.get(resource)), atTheEnd, `trial ${trial}`);
    passes += list.passes.length;
  }
  assert.ok(passes < 4 * 300, `${passes} passes`);
});
