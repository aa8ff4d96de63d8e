/**
 * What each design choice of the decoding policy is worth: short trainings that differ in one setting, scored under the
 * held-out judge from the same noise. Prints a table and writes it as JSON; every variant leaves its run in FOLDER. On an
 * idle machine a variant takes some three minutes with 60 updates:
 *
 *   deno task bench:ablations FOLDER [UPDATES]
 */
import { loadConfig } from "../src/config/load_config.ts";
import { canonicalConfig } from "../src/config/canonical.ts";
import { writeFileAtomic } from "../src/io/atomic.ts";
import { readMetrics } from "../src/io/metrics_log.ts";
import { RunDirectory } from "../src/io/run_directory.ts";
import { digitsPolicyJob } from "../src/jobs/digits_policy.ts";
import { digitsPolicySchema } from "../src/jobs/digits_policy_config.ts";
import { readEvaluation } from "../src/report/run_record.ts";
import { Device } from "../src/tensor/device.ts";
import { printLine } from "../src/cli/terminal.ts";
import { tunedTable } from "../src/cli/tuning_file.ts";

const [folder, updates = "60"] = Deno.args;
if (folder === undefined) throw new Error("name a folder for the runs: deno task bench:ablations FOLDER [UPDATES]");
const config = new URL("../configs/digits_policy.yaml", import.meta.url).pathname;
const common = [
  "training.num_epochs=1",
  `training.batches_per_epoch=${updates}`,
  "training.target_steps=[4]",
  `training.evaluate_every=${updates}`,
  "comparison.samples=1000",
];
/** By name, what each changes. */
const variants: Readonly<Record<string, readonly string[]>> = {
  "as configured": [],
  "state: blind": ["policy.state=blind"],
  "no repulsion": ["policy.repulsion=null"],
  "no common noise": ["training.common_noise=false"],
  "joint ratio": ["training.ratio=joint"],
  "from the Halton order": ["policy.prior.order=halton", "policy.prior.trust=0.5"],
  "narrow prior": ["policy.prior.width=0.8", "policy.prior.floor=0.001"],
  "fidelity for realism": ["reward.realism=null", "reward.fidelity={weight: 1}"],
  "additive efficiency": ["training.max_steps=8", "reward.efficiency={form: additive, weight: 1}"],
};

const rows = [];
for (const [name, changes] of Object.entries(variants)) {
  const device = await Device.open({ choose: tunedTable });
  const settings = loadConfig(config, digitsPolicySchema, [...common, ...changes]);
  const run = await RunDirectory.create(`${folder}/${name.replaceAll(/\W+/g, "_")}`);
  await run.writeText("config.yaml", canonicalConfig(settings));
  await digitsPolicyJob.run(device, settings, run, { resume: false, signal: new AbortController().signal });
  const { methods, held_out, adapter, samples } = (await readEvaluation(run))!;
  const last = (await readMetrics(run.metrics)).at(-1)!;
  const [policy, hand] = methods as [typeof methods[number], typeof methods[number]];
  const { mean_steps, accuracy, frechet, milliseconds } = policy;
  rows.push({ name, changes, adapter, samples, held_out, mean_steps, accuracy, frechet, milliseconds, hand, last });
  const show = (of: typeof policy) => `${of.frechet.value.toFixed(1)}  ${(100 * of.accuracy.value).toFixed(1)} %`;
  printLine(`${name.padEnd(20)} ${mean_steps.toFixed(2)} steps  ${show(policy)}   ARPG's rule ${show(hand)}`);
  device.destroy();
}
await writeFileAtomic(`${folder}/ablations.json`, new TextEncoder().encode(JSON.stringify({ common, rows }, null, 2)));
