import { cellOrder } from "../../src/models/decode_order.ts";
import type { KernelTable } from "../../src/gpu/kernel_table.ts";
import { crossEntropy } from "../../src/ops/cross_entropy.ts";
import { mean } from "../../src/ops/reduce.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { deviceWith } from "../support/device.ts";
import { tinyArpg, tinyArpgConfig } from "./tiny_arpg.ts";

const { vocab, cells } = tinyArpgConfig;
const samples = [0, 1, 2, 3];

/** Loss and gradients of one step of training by name. */
async function trainingStep(table: Partial<KernelTable>): Promise<Map<string, ArrayLike<number>>> {
  const device = await deviceWith(table);
  using _scope = device.scope();
  const model = tinyArpg(device);
  const shape = [samples.length, cells];
  const tokens = device.tensor(Int32Array.from({ length: samples.length * cells }, (_, i) => (7 * i) % vocab), shape);
  const order = Int32Array.from(samples.flatMap((sample) => [...cellOrder("random", cells, 3, sample)]));
  const classes = device.tensor(Int32Array.from(samples, (sample) => sample % 3));
  const { logits, targets } = model.forward(tokens, classes, device.tensor(order, shape));
  const loss = mean(crossEntropy(logits, targets));
  const parameters = model.parameters();
  const values = await device.read([loss, ...gradients(loss, [...parameters.values()])]);
  return new Map(["loss", ...parameters.keys()].map((name, i) => [name, values[i]!]));
}

Deno.test("a training step of an ARPG is the same by the kernels of GPUs and by the plain ones", async () => {
  const plain = await trainingStep({ matmul: "plain", rows: "plain", attention: "plain" });
  for (const matmul of ["block64", "block128"] as const) {
    const block = await trainingStep({ matmul, rows: "block", attention: "block" });
    for (const [name, expected] of plain) assertAllClose(block.get(name)!, expected, 1e-4, name);
  }
});
