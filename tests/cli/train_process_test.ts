import assert from "node:assert/strict";
import { noAdapterMessage } from "../../src/gpu/adapter.ts";
import { outcome } from "../jobs/run_job.ts";
import { runTiny, tinyConfig, tinyOverrides } from "../jobs/tiny_run.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";

const needs: Deno.PermissionDescriptor[] = [{ name: "run", command: "deno" }, { name: "read" }, { name: "write" }];
const states = await Promise.all(needs.map((each) => Deno.permissions.query(each)));
const granted = states.every(({ state }) => state === "granted");
const options = { ignore: !granted };
const suffix = granted ? "" : " (skipped: needs --allow-run=deno --allow-read --allow-write)";

/** Starts `deno task train`, without the task, as a process of its own. */
function start(args: readonly string[], env: Record<string, string> = {}): Deno.ChildProcess {
  return new Deno.Command("deno", {
    args: ["run", "--quiet", "--ignore-env", "--allow-read", "--allow-write", "src/cli/train.ts", ...args],
    cwd: new URL("../..", import.meta.url),
    env: { WAYLAND_DISPLAY: "/none", ...env },
    stdout: "null",
    stderr: "piped",
  }).spawn();
}

/** Long enough in its pretraining to be hit there; saves after every step. */
const changes = ["pretrain.epochs=8", "scratch.updates=0", "grpo.updates=1", "checkpoint_seconds=1e-6"];

/** Trains in `path`, sends a signal at some moment after pretraining has logged a loss, and resolves to status and stderr. */
async function stopWith(signal: "SIGINT" | "SIGKILL", folder: string, path: string) {
  const settings = [...await tinyOverrides(folder), ...changes].flatMap((each) => ["--set", each]);
  const child = start(["configs/digits_ar_grpo.yaml", ...settings, "--out", path]);
  const stderr = new Response(child.stderr).text();
  let ended = false;
  const status = child.status.finally(() => ended = true);
  while (!ended && !await logged(path)) await new Promise((resolve) => setTimeout(resolve, 20));
  await new Promise((resolve) => setTimeout(resolve, 300 * Math.random()));
  if (!ended) child.kill(signal);
  return { ...await status, stderr: (await stderr).trimEnd().split("\n") };
}

async function logged(path: string): Promise<boolean> {
  const metrics = await Deno.readTextFile(`${path}/metrics.jsonl`).catch(() => "");
  return metrics.includes("pretrain");
}

Deno.test(
  "train: stopped by Ctrl-C or killed while it writes, a run resumes to the same models" + suffix,
  options,
  () =>
    withTemporaryFolder(async (folder) => {
      const config = await tinyConfig(folder, ...changes);
      const [whole, interrupted, killed] = ["whole", "interrupted", "killed"].map((name) => `${folder}/${name}`);

      const { code, stderr } = await stopWith("SIGINT", folder, interrupted!);
      assert.equal(code, 130, stderr.join("\n"));
      assert.equal(stderr.at(-1), `Stopped and saved; continue with: deno task train --resume ${interrupted}`);
      assert.equal((await stopWith("SIGKILL", folder, killed!)).signal, "SIGKILL");

      await runTiny(config, whole!);
      const expected = await outcome(whole!);
      for (const path of [interrupted!, killed!]) {
        const { models } = await outcome(path);
        assert.equal(models["model.safetensors"], undefined, "stopped before the end");
        await runTiny(config, path, { resume: true });
        assert.deepEqual(await outcome(path), expected, path);
      }
    }),
);

Deno.test(
  "train: without an adapter one line says what to do" + suffix,
  options,
  () =>
    withTemporaryFolder(async (folder) => {
      const child = start(["--out", `${folder}/run`], { DENO_WEBGPU_BACKEND: "noop" });
      const stderr = await new Response(child.stderr).text();
      assert.equal((await child.status).code, 2);
      assert.equal(stderr, `error: ${noAdapterMessage}\n`);
      await assert.rejects(Deno.stat(`${folder}/run`), Deno.errors.NotFound);
    }),
);
