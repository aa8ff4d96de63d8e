import assert from "node:assert/strict";
import { requireDType } from "../../src/ops/require_dtype.ts";
import { testDevice } from "../support/device.ts";

Deno.test("requireDType: lets the wanted types pass, and names op, tensor, wanted and found", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const ids = device.zeros([2], "i32");
  requireDType("gather", "ids", ids, "u32", "i32");
  assert.throws(() => requireDType("gather", "x", ids, "f32", "u32"), {
    name: "RangeError",
    message: "Cannot apply gather: x must hold f32 or u32, got i32",
  });
});
