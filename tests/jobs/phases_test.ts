import assert from "node:assert/strict";
import { RunDirectory } from "../../src/io/run_directory.ts";
import { Interrupted, type Phase, PhaseRunner } from "../../src/jobs/phases.ts";
import { loadState, prefixed, saveState, unprefixed } from "../../src/jobs/run_state.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { assertUserError } from "../io/user_error.ts";
import { testDevice } from "../support/device.ts";
import { readEvents } from "../report/tensorboard_events.ts";
import { fileTest } from "../support/file_test.ts";

const order = ["first", "second", "third"];

/** Counts in a tensor; fails, as if killed, before step `diesAt`. */
class Counting implements Phase {
  readonly steps = 5;

  constructor(readonly name: string, readonly counter: Tensor, private readonly diesAt = Infinity) {}

  state() {
    return new Map([["counter", this.counter]]);
  }

  restore(tensors: Parameters<Phase["restore"]>[0]) {
    this.counter.write(tensors.get("counter")!.data);
  }

  async step(n: number, log: Parameters<Phase["step"]>[1]): Promise<string> {
    if (n === this.diesAt) throw new Error("killed");
    const value = await this.counter.item() + 10;
    this.counter.write(Float32Array.of(value));
    log({ step: n, value });
    return "";
  }
}

async function open(run: RunDirectory, options: { resume: boolean; signal?: AbortSignal; saveSeconds?: number }) {
  const signal = options.signal ?? new AbortController().signal;
  return await PhaseRunner.open(run, await testDevice(), { saveSeconds: 1e6, ...options, signal });
}

const lines = async (run: RunDirectory) =>
  (await Deno.readTextFile(run.metrics)).trimEnd().split("\n").map((line) => JSON.parse(line));

await fileTest(
  "PhaseRunner: a run that was killed repeats what came after its last saved step, lines included",
  () =>
    withTemporaryFolder(async (folder) => {
      const device = await testDevice();
      const run = await RunDirectory.create(`${folder}/run`);
      {
        using runner = await open(run, { resume: false, saveSeconds: 0 });
        runner.record({ phase: "first" });
        await runner.begin("second");
        await assert.rejects(runner.steps(new Counting("second", device.zeros([1]), 3)), { message: "killed" });
        runner.record({ phase: "second", step: 3, value: "written, but not saved" });
      }
      using runner = await open(run, { resume: true });
      assert.deepEqual(order.map((name) => runner.isDone(name, order)), [true, false, false]);
      await runner.begin("second");
      const phase = new Counting("second", device.zeros([1]));
      await runner.steps(phase);
      assert.equal(await phase.counter.item(), 50);
      assert.deepEqual(
        order.map((name) => runner.isDone(name, order)),
        [false, false, false],
        "the rest is still to do",
      );
      assert.deepEqual(await lines(run), [
        { phase: "first" },
        ...[0, 1, 2, 3, 4].map((step) => ({ phase: "second", step, value: 10 * step + 10 })),
      ]);
    }),
);

await fileTest(
  "PhaseRunner: the numbers of every record are TensorBoard's scalars too; a resumed run begins a file of its own",
  () =>
    withTemporaryFolder(async (folder) => {
      const run = await RunDirectory.create(`${folder}/run`);
      {
        using runner = await open(run, { resume: false });
        runner.record({ phase: "judges", judge: "a", test_accuracy: 0.5 });
        runner.record({ phase: "grpo", updates: 7, reward: NaN, kl: 0.25 });
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
      {
        using runner = await open(run, { resume: true });
        runner.record({ phase: "grpo", step: 7, kl: 1 });
      }
      const files = (await Array.fromAsync(Deno.readDir(`${run.path}/tensorboard`))).map(({ name }) => name).toSorted();
      const read = async (name: string) => readEvents(await Deno.readFile(`${run.path}/tensorboard/${name}`)).slice(1);
      assert.deepEqual(
        (await Promise.all(files.map(read))).map((events) => events.map(({ step, scalars }) => [step, scalars])),
        [
          [[0, { "judges/test_accuracy": 0.5 }], [7, { "grpo/updates": 7, "grpo/kl": 0.25 }]],
          [[7, { "grpo/step": 7, "grpo/kl": 1 }]],
        ],
      );
    }),
);

await fileTest(
  "PhaseRunner: a run that is asked to stop saves after the step and ends with Interrupted",
  () =>
    withTemporaryFolder(async (folder) => {
      const device = await testDevice();
      const run = await RunDirectory.create(`${folder}/run`);
      using runner = await open(run, { resume: false, signal: AbortSignal.abort() });
      await runner.begin("first");
      const phase = new Counting("first", device.zeros([1]));
      await assert.rejects(runner.steps(phase), Interrupted);
      const { phase: name, step, lines, tensors } = (await loadState(run))!;
      assert.deepEqual({ name, step, lines, counter: tensors.get("counter")!.data }, {
        name: "first",
        step: 1,
        lines: 1,
        counter: Float32Array.of(10),
      });
    }),
);

await fileTest(
  "PhaseRunner: a phase that was begun but never saved starts at its beginning",
  () =>
    withTemporaryFolder(async (folder) => {
      const device = await testDevice();
      const run = await RunDirectory.create(`${folder}/run`);
      {
        using runner = await open(run, { resume: false });
        await runner.begin("second");
        await assert.rejects(runner.steps(new Counting("second", device.zeros([1]), 4)), { message: "killed" });
      }
      using runner = await open(run, { resume: true });
      await runner.begin("second");
      const phase = new Counting("second", device.full([1], 1));
      await runner.steps(phase);
      assert.equal(await phase.counter.item(), 51, "the tensors as the phase made them");
      assert.equal((await lines(run)).length, 5);
    }),
);

await fileTest(
  "loadState: null without a file, an error for a file of another kind",
  () =>
    withTemporaryFolder(async (folder) => {
      const device = await testDevice();
      const run = await RunDirectory.create(`${folder}/run`);
      assert.equal(await loadState(run), null);
      const position = { phase: "first", step: NaN, lines: 0 };
      await saveState(run, device, position, new Map([["x", device.full([2], 3)]]));
      await assertUserError(
        () => loadState(run),
        `Cannot resume from ${run.path}/checkpoints/state.safetensors: it has no phase, step and lines; start a new run`,
      );
    }),
);

Deno.test("prefixed and unprefixed: names of parts of a state", () => {
  const parts = new Map([...prefixed("model", new Map([["a", 1]])), ...prefixed("ema", new Map([["a", 2], ["b", 3]]))]);
  assert.deepEqual([...parts.keys()], ["model.a", "ema.a", "ema.b"]);
  assert.deepEqual([...unprefixed("ema", parts)], [["a", 2], ["b", 3]]);
  assert.deepEqual([...unprefixed("em", parts)], []);
});
