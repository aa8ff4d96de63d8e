import { Device } from "../../src/tensor/device.ts";

let opened: Promise<Device> | undefined;

/** The device of a test file: opened once, since opening and compiling are what tests spend time on. */
export function testDevice(): Promise<Device> {
  return opened ??= Device.open();
}
