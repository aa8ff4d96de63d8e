import assert from "node:assert/strict";
import { join } from "node:path";
import { checkCases } from "../../../src/cli/parity/check_cases.ts";
import { caseRuns } from "../../../src/cli/parity/kinds.ts";
import { findCases } from "../../../src/cli/parity/reference_case.ts";
import { encodeSafetensors, readSafetensors } from "../../../src/io/safetensors.ts";
import { readWeights } from "../../../src/io/weights.ts";
import type { HostTensor } from "../../../src/tensor/host_tensor.ts";
import { fileTest } from "../../support/file_test.ts";

const fixtures = new URL("../../fixtures", import.meta.url).pathname;

async function check(...folders: string[]) {
  const lines: string[] = [], errors: string[] = [];
  const status = await checkCases(folders, { print: (text) => lines.push(text), note: (text) => errors.push(text) });
  return { status, lines, errors };
}

type Tensors = Map<string, HostTensor>;

/** A changed copy of a fixture: `change` edits its description, its inputs and outputs in place. */
async function changedCase(
  name: string,
  // deno-lint-ignore no-explicit-any -- a case.json to break
  change: (description: any, inputs: Tensors, outputs: Tensors) => void,
): Promise<string> {
  const source = join(fixtures, name), folder = await Deno.makeTempDir();
  const description = JSON.parse(await Deno.readTextFile(join(source, "case.json")));
  const [inputs, outputs] = await Promise.all(
    ["inputs", "outputs"].map(async (part) => (await readSafetensors(join(source, `${part}.safetensors`))).tensors),
  ) as [Tensors, Tensors];
  if (description.weights) description.weights = "weights.safetensors";
  change(description, inputs, outputs);
  if (description.weights) {
    const weights = await readWeights(join(source, "weights.pt"));
    await Deno.writeFile(join(folder, "weights.safetensors"), encodeSafetensors(weights));
  }
  await Deno.writeTextFile(join(folder, "case.json"), JSON.stringify(description));
  await Deno.writeFile(join(folder, "inputs.safetensors"), encodeSafetensors(inputs));
  await Deno.writeFile(join(folder, "outputs.safetensors"), encodeSafetensors(outputs));
  return folder;
}

await fileTest("parity: all reference cases pass, one line each", async () => {
  const { status, lines, errors } = await check(fixtures);
  assert.deepEqual(errors, []);
  assert.equal(lines.length, (await findCases(fixtures)).length);
  for (const kind of Object.keys(caseRuns)) assert.ok(lines.some((line) => line.includes(` ${kind} `)), kind);
  for (const line of lines) assert.match(line, /worst \d\.\de[+-]\d+ in [\w.]+, tolerance [\d.e-]+ {2}pass$/);
  assert.equal(status, 0);
});

await fileTest("parity: weights may be safetensors, and a case without targets has no gradients", async () => {
  const folder = await changedCase("lstm-forward", (_, inputs, outputs) => {
    inputs.delete("targets");
    for (const name of outputs.keys()) if (!/logits|hidden|cell/.test(name)) outputs.delete(name);
  });
  assert.equal((await check(folder)).status, 0);
});

await fileTest("parity: a number that is off misses and is named", async () => {
  const folder = await changedCase("classifier-forward", (_, __, outputs) => {
    outputs.get("grad.fc1.bias")!.data[3]! += 0.5;
  });
  const { status, lines } = await check(folder, join(fixtures, "classifier-forward"));
  assert.equal(status, 1);
  assert.match(lines[0]!, /worst 5.0e-1 in grad.fc1.bias, .* FAIL$/);
  assert.match(lines[1]!, /pass$/);
});

await fileTest("parity: NaN misses", async () => {
  const folder = await changedCase("grpo-loss-token-mean", (_, inputs) => inputs.get("logp_new")!.data.fill(NaN));
  const { status, lines } = await check(folder);
  assert.equal(status, 1);
  assert.match(lines[0]!, /worst NaN in \S+, .* FAIL$/);
});

await fileTest("parity: constant_length divides by N times its constant", async () => {
  const folder = await changedCase("grpo-loss-token-mean", ({ params }, inputs, outputs) => {
    const [n, t] = inputs.get("mask")!.shape as [number, number], constant = 2 * t;
    const kept = Float32Array.from(inputs.get("mask")!.data).reduce((sum, m) => sum + m, 0);
    Object.assign(params, { normalisation: "constant_length", constant_length: constant });
    for (const name of ["loss", "grad.logp_new"]) {
      const { data } = outputs.get(name)!;
      data.forEach((value, i) => data[i] = value * kept / (n * constant));
    }
  });
  assert.equal((await check(folder)).status, 0);
});

const broken: [name: string, change: Parameters<typeof changedCase>[1], message: string][] = [
  [
    "classifier-forward",
    (description) => description.kind = "arpg.foward",
    `Cannot run kind "arpg.foward": known are ${Object.keys(caseRuns).join(", ")}`,
  ],
  [
    "grpo-loss-token-mean",
    (_, inputs) => inputs.delete("rewards"),
    "Cannot run grpo.loss: it needs the input rewards; inputs.safetensors has logp_new, logp_old, logp_ref, mask",
  ],
  [
    "grpo-loss-token-mean",
    (_, __, outputs) => outputs.set("entropy", { shape: [1], data: Float32Array.of(1) }),
    "Cannot compare entropy: grpo.loss gives advantage, loss, grad.logp_new, kl, clip_fraction for these inputs",
  ],
  [
    "grpo-loss-token-mean",
    (_, __, outputs) => outputs.set("kl", { shape: [2], data: Float32Array.of(1, 2) }),
    "Cannot compare kl: grpo.loss gives shape [1], outputs.safetensors has [2]",
  ],
  [
    "grpo-loss-token-mean",
    ({ params }) => params.group_size = 5,
    "Cannot run grpo.loss: Cannot apply group_advantage: 12 rewards do not form groups of 5; " +
    "pass the same number of rewards for every condition",
  ],
  [
    "grpo-loss-token-mean",
    ({ params }) => params.advantage = "median",
    'Cannot read FOLDER/case.json: advantage: expected one of "mean", "mean_std", "rloo", "batch", received string "median"; ' +
    'did you mean "mean"?',
  ],
  [
    "optimizer-adamw",
    (_, inputs) => inputs.set("grads", { shape: [2, 3], data: new Float32Array(6) }),
    "Cannot run optimizer.adamw: grads must have shape [2, 46], one column for each element of the parameters, got [2, 3]",
  ],
  [
    "optimizer-adamw",
    (description) => delete description.tolerance,
    "Cannot read FOLDER/case.json: tolerance: missing; expected number",
  ],
];
for (const [name, change, message] of broken) {
  await fileTest(`parity: ${message.slice(0, 60)}`, async () => {
    const folder = await changedCase(name, change);
    const { status, lines, errors } = await check(folder, join(fixtures, "optimizer-adamw"));
    assert.deepEqual(errors, [`error: ${folder}: ${message.replace("FOLDER", folder)}`]);
    assert.equal(status, 2);
    assert.match(lines[0]!, /pass$/, "the other cases are still checked");
  });
}

await fileTest("parity: missing files and malformed JSON", async () => {
  const folder = await changedCase("optimizer-adamw", () => {});
  await Deno.writeTextFile(join(folder, "case.json"), "{");
  assert.match((await check(folder)).errors[0]!, /: Cannot read .*case\.json: Expected property name/);
  const other = await changedCase("optimizer-adamw", () => {});
  await Deno.remove(join(other, "outputs.safetensors"));
  const file = join(other, "outputs.safetensors");
  assert.deepEqual((await check(other)).errors, [`error: ${other}: Cannot read ${file}: there is no such file`]);
});

await fileTest("parity: a folder without cases", async () => {
  const empty = await Deno.makeTempDir();
  const refuses = (folder: string, message: string) => assert.rejects(check(folder), { name: "UserError", message });
  await refuses(empty, `Cannot check ${empty}: wanted a folder with case.json, or a folder of such folders`);
  await refuses(join(empty, "none"), `Cannot check ${join(empty, "none")}: there is no such folder`);
});
