import assert from "node:assert/strict";
import { commandStatus } from "../../src/cli/command.ts";
import { inspectCommand } from "../../src/cli/inspect_command.ts";
import { writeNpz } from "../../src/io/npz.ts";
import { writeSafetensors } from "../../src/io/safetensors.ts";
import { decodingPolicyShapes } from "../../src/policy/decoding_policy_config.ts";
import { sizeOf } from "../../src/tensor/shape.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import * as torch from "../io/torch_archive.ts";
import { tinyPolicyConfig } from "../policy/tiny_policy.ts";
import { fileTest } from "../support/file_test.ts";

/** What `deno task inspect` with these arguments prints and notes. */
async function inspect(...args: string[]): Promise<{ status: number; lines: string[]; notes: string[] }> {
  const lines: string[] = [], notes: string[] = [];
  const build = (program: Parameters<typeof inspectCommand>[0]) => inspectCommand(program, (line) => lines.push(line));
  return { status: await commandStatus("inspect", build, args, (line) => notes.push(line)), lines, notes };
}

await fileTest(
  "inspect: lists tensors, totals and metadata of a safetensors file",
  () =>
    withTemporaryFolder(async (folder) => {
      const path = `${folder}/a.safetensors`;
      const tensors = new Map([
        ["fc.weight", { shape: [300, 4], data: new Float32Array(1200) }],
        ["odd\x1b[2J name", { shape: [], data: new Int32Array(1) }],
      ]);
      await writeSafetensors(path, tensors, { seed: "1", note: "two\nlines" }, { dtype: "F16" });
      const { status, lines, notes } = await inspect(path);
      assert.deepEqual([status, notes], [0, []]);
      assert.deepEqual(lines, [
        "name                 type  shape     bytes",
        '"odd\\u001b[2J name"  I32   []            4',
        "fc.weight            F16   [300, 4]  2,400",
        "2 tensors, 1,201 parameters, 2,404 bytes",
        'metadata note: "two\\nlines"',
        'metadata seed: "1"',
        "model: none that is known here",
      ]);
    }),
);

await fileTest("inspect: an index of shards is one file", () =>
  withTemporaryFolder(async (folder) => {
    await writeSafetensors(`${folder}/0.safetensors`, new Map([["x", { shape: [3], data: new Float32Array(3) }]]));
    const path = `${folder}/model.safetensors.index.json`;
    await Deno.writeTextFile(path, '{"metadata": {"total_size": 12}, "weight_map": {"x": "0.safetensors"}}');
    assert.deepEqual((await inspect(path)).lines, [
      "name  type  shape  bytes",
      "x     F32   [3]       12",
      "1 tensor, 3 parameters, 12 bytes",
      'metadata total_size: "12"',
      "model: none that is known here",
    ]);
  }));

await fileTest("inspect: a PyTorch checkpoint and an npz", () =>
  withTemporaryFolder(async (folder) => {
    const x = torch.tensor(torch.storage("DoubleStorage", "0", 3), 0, [3], [1]);
    const archive = torch.torchArchive(torch.dict({ x, steps: torch.integer(7) }), { "0": new Float64Array(3) });
    await Deno.writeFile(`${folder}/a.pt`, archive);
    assert.deepEqual((await inspect(`${folder}/a.pt`)).lines, [
      "name  type  shape  bytes",
      "x     F64   [3]       24",
      "1 tensor, 3 parameters, 24 bytes",
      'metadata steps: "7"',
      "model: none that is known here",
    ]);
    await writeNpz(`${folder}/a.npz`, {
      arr_0: { dtype: "uint8", shape: [2, 8, 8, 3], data: new Uint8Array(384) },
      labels: { dtype: "int64", shape: [2], data: new Int32Array(2) },
    });
    assert.deepEqual((await inspect(`${folder}/a.npz`)).lines, [
      "name    type   shape         bytes",
      "arr_0   uint8  [2, 8, 8, 3]    384",
      "labels  int64  [2]              16",
      "2 arrays, 386 numbers, 400 bytes",
    ]);
  }));

await fileTest("inspect: names the model of a checkpoint", async () => {
  const path = new URL("../fixtures/arpg-forward-bf16-pt/weights.pt", import.meta.url).pathname;
  const { lines } = await inspect(path);
  assert.match(lines[1]!, /^embeddings\.weight +BF16 {2}\[61, 64\] +7,808$/);
  assert.equal(lines.length, 1 + 38 + 3);
  assert.equal(
    lines.at(-1),
    "model: an ARPG of unpublished sizes; dim 64, layers 4, heads 1 (assumed), multiple_of 64, vocab 48, classes 10, " +
      "cells 256 (assumed), position none",
  );
});

await fileTest("inspect: names a CLIP with the sizes of its towers", async () => {
  const { lines } = await inspect(new URL("../fixtures/clip-embed/weights.safetensors", import.meta.url).pathname);
  const layers = "hidden_size 64, intermediate_size 256, num_hidden_layers 2, num_attention_heads 1 (assumed), " +
    "hidden_act quick_gelu (assumed), layer_norm_eps 0.00001 (assumed)";
  assert.equal(
    lines.at(-1),
    "model: a CLIP of unpublished sizes; projection_dim 32, logit_scale_init_value 2.6592 (assumed), text_config (" +
      `${layers}, max_position_embeddings 12, vocab_size 99, eos_token_id 98 (assumed)), vision_config (` +
      `${layers}, image_size 32, patch_size 8, num_channels 3)`,
  );
});

await fileTest("inspect: names a decoding policy with what it decides", () =>
  withTemporaryFolder(async (folder) => {
    const file = `${folder}/policy.safetensors`, config = { ...tinyPolicyConfig, repulsion: null };
    const tensors = [...decodingPolicyShapes(config)].map(([name, shape]) =>
      [name, { shape, data: new Float32Array(sizeOf(shape)) }] as const
    );
    const metadata = { model: "decoding_policy", config: JSON.stringify(config) };
    await writeSafetensors(file, new Map(tensors), metadata);
    const { lines } = await inspect(file);
    assert.equal(lines.at(-4), "15 tensors, 1,700 parameters, 6,800 bytes");
    assert.equal(
      lines.at(-1),
      "model: a decoding policy; network conv, hidden_dim 8, layers 2, state confidence, targets [9], max_steps 9, " +
        "slack 0, degrees [1, 2, 3, 4], prior arccos (width 0.3, floor 0.001) in random order (trust 0), repulsion none, cells 9, classes 3",
    );
    await writeSafetensors(file, new Map(tensors), { ...metadata, config: JSON.stringify(tinyPolicyConfig) });
    assert.match((await inspect(file)).lines.at(-1)!, /, repulsion sigma 1, cells 9, classes 3$/);
  }));

await fileTest("inspect: a file that cannot be listed is one line and status 2", async () => {
  assert.deepEqual(await inspect("/no/such.pt"), {
    status: 2,
    lines: [],
    notes: ["error: Cannot read /no/such.pt: there is no such file"],
  });
  const { status, notes } = await inspect("a.txt");
  assert.deepEqual([status, notes], [2, [
    "error: Cannot read weights from a.txt: wanted a .safetensors, .pt, .pth or .bin file, or the .index.json of such files",
  ]]);
});
