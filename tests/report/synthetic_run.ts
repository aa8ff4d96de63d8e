import { toJson } from "../../src/io/json.ts";
import type { MetricsRecord } from "../../src/io/metrics_log.ts";
import { RunDirectory } from "../../src/io/run_directory.ts";
import { imageGrid } from "../../src/report/grid.ts";
import type {
  BriefMethodScore,
  Estimate,
  Headroom,
  MethodScore,
  PolicyEvaluation,
} from "../../src/report/run_record.ts";

/** `value` with an interval of a share of it to both sides. */
export function estimate(value: number, share = 0.04): Estimate {
  return { value, low: value * (1 - share), high: value * (1 + share) };
}

/** A method with plausible numbers, which `changes` replace. */
export function method(changes: Partial<MethodScore> = {}): MethodScore {
  return {
    name: "arccos, random",
    family: "arpg",
    schedule: "arccos",
    order: "random",
    mode: null,
    target_steps: 8,
    guidance: 1.5,
    temperature: 1,
    mean_steps: 8,
    milliseconds: 21,
    accuracy: { value: 0.95, low: 0.94, high: 0.96 },
    frechet: estimate(60),
    kid: 0.0123,
    inception_score: 8.4,
    precision: 0.81,
    recall: 0.64,
    diversity: 0.93,
    ...changes,
  };
}

/** The policy of 7x7 cells against rules made by hand, with made-up numbers. */
export function syntheticEvaluation(): PolicyEvaluation {
  const steps = [2, 3, 4, 6, 8, 12, 25];
  const frechet = (t: number, factor: number) => estimate(factor * (38 + 190 / t ** 1.1));
  const cost = (t: number) => ({ target_steps: t, mean_steps: t, milliseconds: 2.1 * t + 3 });
  const accuracy = (t: number, gain: number) => {
    const value = 0.975 - 0.12 / t + gain;
    return { value, low: value - 0.006, high: value + 0.005 };
  };
  const orders = [["spread", 0.97], ["halton", 1.02], ["raster", 1.7]] as const;
  const schedules = [["cosine", 1.04], ["constant", 1.12]] as const;
  return {
    adapter: "llvmpipe (LLVM 15.0.6, 256 bits)",
    commit: "12468a145d50fb5f39c72f1cde40955b8c3fab24",
    date: "2026-11-26",
    seeds: [1000, 1001],
    samples: 2000,
    judge: "assets/digits_judge_b.safetensors",
    held_out: { accuracy: 0.989, frechet: 9.9 },
    methods: [
      ...steps.map((t) => method({ ...cost(t), frechet: frechet(t, 1), accuracy: accuracy(t, 0) })),
      ...steps.flatMap((t) =>
        orders.flatMap(([order, worse]) =>
          schedules.map(([schedule, more]) =>
            method({
              ...cost(t),
              name: `${schedule}, ${order}`,
              family: "hand",
              schedule,
              order,
              frechet: frechet(t, worse * more),
              accuracy: accuracy(t, -0.01 * worse),
              kid: 0.014 * worse,
            })
          )
        )
      ),
      ...[4, 8].flatMap((t) =>
        (["sampled", "greedy"] as const).map((mode) =>
          method({
            name: `policy for ${t} steps`,
            family: "policy",
            schedule: null,
            order: null,
            mode,
            target_steps: t,
            mean_steps: t - 0.2,
            milliseconds: 2.4 * t + 4,
            frechet: frechet(t, mode === "sampled" ? 0.86 : 0.95),
            accuracy: accuracy(t, mode === "sampled" ? 0.004 : 0.01),
            kid: 0.0101,
            precision: 0.84,
            diversity: mode === "sampled" ? 0.92 : 0.85,
          })
        )
      ),
    ],
    decisions: {
      degrees: [1, 2, 3, 4, 6, 8, 12, 16],
      histogram: Array.from(
        { length: 12 },
        (_, t) =>
          Array.from(
            { length: 8 },
            (_, d) => Math.floor((t < 6 ? 1 : 2 ** (5 - t)) * 900 * Math.exp(-((d - 1.5 - t / 1.7) ** 2) / 2)),
          ),
      ),
      painted_at: Array.from({ length: 49 }, (_, cell) => {
        const [x, y] = [cell % 7 - 3, Math.floor(cell / 7) - 3];
        return 0.3 + 0.055 * Math.hypot(x, y) ** 1.6;
      }),
      width: 7,
    },
  };
}

/** A trial of few pictures with plausible numbers, which `changes` replace. */
export function trial(changes: Partial<BriefMethodScore> = {}): BriefMethodScore {
  const { name, mode, target_steps, guidance, temperature } = method();
  return { name, mode, target_steps, guidance, temperature, accuracy: 0.9, frechet: 100, ...changes };
}

/** What a search over orders found, with plausible numbers, which `changes` replace. */
export function found(changes: Partial<Headroom> = {}): Headroom {
  return { steps: 8, candidates: 1, samples: 500, reward: 0.5, accuracy: 0.9, frechet: 80, ...changes };
}

/** Records of a policy's training, noise by sine. */
export function syntheticRecords(updates: number): MetricsRecord[] {
  const noise = (n: number, k: number) => Math.sin(12.9898 * n + 78.233 * k) * 0.6 + Math.sin(4.1 * n * k) * 0.4;
  return Array.from({ length: updates }, (_, step): MetricsRecord => {
    const done = 1 - Math.exp(-3 * step / updates);
    return {
      phase: "grpo",
      step,
      reward: 0.58 + 0.14 * done + 0.03 * noise(step, 1),
      reward_above_hand: 0.06 * done + 0.02 * noise(step, 2),
      kl_degree: 0.12 * done * (1 + 0.3 * noise(step, 3)),
      kl_position: 0.05 * done * (1 + 0.3 * noise(step, 8)),
      entropy_degree: 0.55 - 0.3 * done + 0.02 * noise(step, 4),
      entropy_position: 0.99 - 0.12 * done + 0.01 * noise(step, 5),
      clip_fraction: 0.08 * done * (1 + 0.4 * noise(step, 6)),
      steps_mean: 8.4 - 0.6 * done + 0.1 * noise(step, 7),
      steps_min: 6,
      steps_max: 11 + Math.round(noise(step, 9)),
      grad_norm: 0.4 + 0.1 * noise(step, 10),
      seconds_rollout: 1.1 + 0.1 * noise(step, 11),
      ...(step % 10 ? {} : { held_out_frechet: 66 - 11 * done + 2 * noise(step, 12) }),
      ...(step % 10 ? {} : { held_out_accuracy: 0.955 + 0.012 * done + 0.003 * noise(step, 13) }),
    };
  });
}

/** A run of a policy with everything a report shows but pictures of its own: those are `pictures` by name. */
export async function syntheticRun(
  folder: string,
  { updates = 60, pictures = {} }: { updates?: number; pictures?: Readonly<Record<string, Uint8Array>> } = {},
): Promise<RunDirectory> {
  const run = await RunDirectory.create(folder);
  await run.writeText("config.yaml", "job: digits_policy\nseed: 1\ntrain:\n  updates: 60\n");
  const kernels = { matmul: "lane", rows: "plain" };
  await run.writeEnvironment({ version: "0.1.0", commit: "12468a1", adapter: "llvmpipe", kernels, seed: 1 });
  const warning = { phase: "grpo", step: 7, warning: "3 of 64 groups had equal rewards: they taught nothing" };
  const records = [...syntheticRecords(updates), warning, { ...warning, step: 41 }];
  await run.writeText("metrics.jsonl", records.map((record) => toJson(record) + "\n").join(""));
  await run.writeJson("eval.json", { ...syntheticEvaluation() });
  const grid = imageGrid({ images: Uint8Array.from({ length: 128 }, (_, i) => i), size: 8, columns: 2 });
  const all = { "policy.png": grid, "arpg.png": grid, ...pictures };
  for (const [name, bytes] of Object.entries(all)) await run.writeBytes(`samples/${name}`, bytes);
  return run;
}
