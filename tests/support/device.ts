import { Gpu } from "../../src/gpu/gpu.ts";
import {
  familyRuns,
  type HeavyOp,
  kernelFamilies,
  type KernelFamily,
  type KernelTable,
} from "../../src/gpu/kernel_table.ts";
import { Device } from "../../src/tensor/device.ts";

let opened: Promise<Device> | undefined;
const forced = new Map<string, Promise<Device>>();

/** The device of a test file: opened once, since opening and compiling are what tests spend time on. */
export function testDevice(): Promise<Device> {
  return opened ??= Device.open();
}

/** A device on the same adapter whose heavy ops run the given kernels. */
export function deviceWith(table: Partial<KernelTable>): Promise<Device> {
  const key = JSON.stringify(table);
  const make = async () => {
    const { gpu } = await testDevice();
    return new Device(new Gpu(gpu.adapter, undefined, { ...gpu.table, ...table }));
  };
  return forced.get(key) ?? forced.set(key, make()).get(key)!;
}

/** The families of an op that the tests' adapter runs. */
export async function familiesOf<O extends HeavyOp>(op: O): Promise<KernelFamily<O>[]> {
  const { adapter } = (await testDevice()).gpu;
  return (kernelFamilies[op] as readonly KernelFamily<O>[]).filter((family) => familyRuns(family, adapter));
}
