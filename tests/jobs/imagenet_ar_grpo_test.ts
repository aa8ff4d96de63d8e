import assert from "node:assert/strict";
import { examineConfig } from "../../src/cli/doctor_config.ts";
import { readMetrics } from "../../src/io/metrics_log.ts";
import { readNpz } from "../../src/io/npz.ts";
import { readSafetensors, writeSafetensors } from "../../src/io/safetensors.ts";
import { imagenetArGrpoJob } from "../../src/jobs/imagenet_ar_grpo.ts";
import { llamaGenPainting } from "../../src/jobs/imagenet_ar_grpo_memory.ts";
import { loadImagenetLlamaGen } from "../../src/jobs/imagenet_models.ts";
import { toHost } from "../../src/jobs/run_state.ts";
import { LlamaGen } from "../../src/models/llamagen.ts";
import { llamaGenMetadata } from "../../src/models/llamagen_config.ts";
import { LlamaGenPainter } from "../../src/models/llamagen_painter.ts";
import { recogniseModel } from "../../src/models/recognise.ts";
import { Initializer } from "../../src/nn/init.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { assertUserError } from "../io/user_error.ts";
import { testDevice } from "../support/device.ts";
import { fileTest } from "../support/file_test.ts";
import { torchFile } from "./published_files.ts";
import { runJob } from "./run_job.ts";
import { learnt, llamaGenChanges, tinyImagenetArGrpo, tinySizes } from "./tiny_imagenet.ts";

await fileTest(
  "imagenet_ar_grpo: a LlamaGen moves and is compared with the published one, and a run that was stopped ends alike",
  () =>
    withTemporaryFolder(async (folder) => {
      const config = tinyImagenetArGrpo([
        ...llamaGenChanges,
        "generator.learning_rate=0.005",
        "training.inner_epochs=1",
        "generator.parts=1",
        "training.evaluate_samples=6",
        "comparison.samples=7", // more than a batch, and no whole number of them
      ]);
      const whole = `${folder}/whole`;
      const summary = await runJob(imagenetArGrpoJob, config, whole);
      assert.match(summary!, /^trained, 16 steps +16\.0 .*\([+-]0\.\d{4}\)/m);
      assert.match(summary!, /^published, 16 steps /m);
      assert.match(summary!, /^Seconds of an update: rollout \d+\.\d, reward \d+\.\d, update \d+\.\d$/m);
      const records = await readMetrics(`${whole}/metrics.jsonl`);
      assert.deepEqual(records.map(({ step }) => step), [0, 1, 2]);
      for (const name of ["seen_clip", "seen_quality", "held_out_clip"]) {
        assert.equal(typeof records[0]![name], "number", name);
      }
      for (const name of ["reward_clip", "reward_quality", "memory_peak_gib", "seconds_rollout"]) {
        assert.ok(Number(records[1]![name]) > 0, name);
      }
      assert.ok(Number(records[1]!.generator_first_log_ratio_max) < 1e-4);
      assert.ok(Number(records[2]!.generator_kl) > 0);
      const { tensors, metadata } = await readSafetensors(`${whole}/checkpoints/llamagen.safetensors`);
      const found = recogniseModel(new Map([...tensors].map(([name, { shape }]) => [name, shape])), metadata);
      assert.deepEqual([found?.family, found?.config], ["llamagen", tinySizes.llamaGen]);
      const { comparison: [trained, published] } = JSON.parse(await Deno.readTextFile(`${whole}/eval.json`));
      assert.deepEqual([trained.name, published.name], ["trained", "published"]);
      assert.notDeepEqual(trained.scores, published.scores);
      assert.ok((await Deno.stat(`${whole}/samples/comparison.png`)).size > 100);
      assert.deepEqual((await readNpz(`${whole}/samples/trained.npz`)).get("arr_0")!.shape, [7, 8, 8, 3]);
      const page = await Deno.readTextFile(`${whole}/report.html`);
      assert.ok(page.includes("above published weights"));

      const stopped = `${folder}/stopped`;
      assert.equal(await runJob(imagenetArGrpoJob, config, stopped, { patience: 0 }), null);
      await runJob(imagenetArGrpoJob, config, stopped, { resume: true });
      assert.deepEqual(await learnt(stopped), await learnt(whole));
    }),
);

await fileTest(
  "imagenet_ar_grpo: LlamaGen's weights come from a file as published, which must be one of these sizes",
  () =>
    withTemporaryFolder(async (folder) => {
      const device = await testDevice(), path = `${folder}/c2i.pt`;
      const drawn = tinyImagenetArGrpo(llamaGenChanges);
      const weights = await toHost(device, (await loadImagenetLlamaGen(device, drawn)).parameters());
      await Deno.writeFile(path, torchFile(weights, "model"));
      // Heads cannot be seen in a file: the usual head has as many channels as fit.
      const sizes = { ...tinySizes.llamaGen, heads: 1 };
      const changes = [`model.weights=${path}`, `model.sizes=${JSON.stringify(sizes)}`, "model.dtype=float32"];
      const read = await loadImagenetLlamaGen(device, tinyImagenetArGrpo(changes));
      assert.deepEqual(await toHost(device, read.parameters()), weights);
      const other = tinyImagenetArGrpo([...changes, "model.sizes.layers=3"]);
      const { liveBytes } = device.gpu.pool.counters;
      await assertUserError(
        () => loadImagenetLlamaGen(device, other),
        `Cannot load ${path}: it has other sizes than model.sizes; set model.sizes=` +
          JSON.stringify({ ...sizes, layers: 2 }),
      );
      assert.equal(device.gpu.pool.counters.liveBytes, liveBytes, "memory was taken for it");
      // What this job writes tells the number of cells, which no tensor shows.
      const own = `${folder}/llamagen.safetensors`, more = tinyImagenetArGrpo([...changes, "model.sizes.cells=25"]);
      await loadImagenetLlamaGen(device, more);
      await writeSafetensors(own, weights, llamaGenMetadata(sizes));
      await assertUserError(
        () => loadImagenetLlamaGen(device, { ...more, model: { ...more.model, weights: own } }),
        `Cannot load ${own}: it has other sizes than model.sizes; set model.sizes=${JSON.stringify(sizes)}`,
      );
    }),
);

const gib = 2 ** 30;
const gpu = {
  limits: { maxBufferSize: 4 * gib, maxStorageBufferBindingSize: 2 * gib, maxTextureDimension2D: 16384 },
  availableBytes: null,
};

await fileTest("doctor --config: a LlamaGen's files and memory", async () => {
  const file = new URL("../../configs/imagenet_ar_grpo.yaml", import.meta.url).pathname;
  const examine = (machine: typeof gpu, sizes: string, ...changes: string[]) =>
    examineConfig(file, machine, [
      `model.sizes=${sizes}`,
      "model.weights=weights/c2i.pt",
      "model.dtype=float32",
      ...changes,
    ]);
  const { lines, problems } = await examine(gpu, "LlamaGen-B");
  assert.ok(lines.includes(
    "missing    weights/c2i.pt is not there: fetch c2i_B_256.pt (0.4 GB) of FoundationVision/LlamaGen, or set model.weights",
  ));
  assert.deepEqual(problems, ["5 of 5 files are missing"]);
  assert.ok(!lines.some((line) => line.startsWith("memory     policy")));
  // 12 layers of keys and values, 80 rows of 256 tokens of 768 channels: 1.4 GiB.
  assert.ok(lines.some((line) => /^memory {5}rollouts 1\.[45] GiB$/.test(line)), lines.join("\n"));
  assert.ok(lines.includes("largest    keys of a layer for all rollouts, 60 MiB"), lines.join("\n"));
  const whole = await examine(gpu, "LlamaGen-B", "generator.parts=1");
  assert.ok(whole.lines.includes("largest    logits of a part of the rollouts, 640 MiB"));
  assert.deepEqual(whole.problems, problems);
  const few = { ...gpu, limits: { ...gpu.limits, maxStorageBufferBindingSize: gib / 8 } };
  const bound = await examine(few, "LlamaGen-B", "generator.parts=1");
  assert.deepEqual(bound.problems.slice(1), [
    "logits of a part of the rollouts take 640 MiB, the adapter binds 128 MiB at once: set generator.parts to 5 or more",
  ]);
});

Deno.test("llamaGenPainting: what a painter takes, weights and rollouts", async () => {
  const device = await testDevice();
  const sizes = { dim: 96, layers: 4, heads: 3, multiple_of: 32, vocab: 512, classes: 10, cells: 64 };
  const model = new LlamaGen(new Initializer(device, 1), sizes), { counters } = device.gpu.pool;
  for (const guidance of [1, 2]) {
    const before = counters.liveBytes;
    const painter = new LlamaGenPainter(model, 24, {
      guidance,
      temperature: 1,
      key: { seed: 1, stream: 0, purpose: 0 },
    });
    const taken = counters.liveBytes - before;
    painter.dispose();
    const { weights, rollouts } = llamaGenPainting(sizes, { rollouts: 24, streams: guidance, parts: 1 });
    assert.ok(
      taken / (weights + rollouts) > 0.8 && taken / (weights + rollouts) < 1.1,
      `${taken}, ${weights + rollouts}`,
    );
  }
});
