import { UserError } from "../error.ts";
import { type FeatureNetwork, inceptionNetwork, judgeNetwork } from "../eval/feature_network.ts";
import { type ImageMetricName, imageMetricNames, imageMetrics } from "../eval/image_metrics.ts";
import { writeFileAtomic } from "../io/atomic.ts";
import { toJson } from "../io/json.ts";
import { openWeights } from "../io/weight_file.ts";
import { loadJudge } from "../jobs/judge_file.ts";
import { Inception } from "../models/inception.ts";
import { Device } from "../tensor/device.ts";
import { dimensionsOf, measure, needsNetwork, requireMeasurable } from "./eval_measure.ts";
import { type EvaluationSource, openEvaluationSource } from "./eval_source.ts";
import { metricsTable, type SetMetrics } from "./eval_metrics_table.ts";
import { noteLine } from "./terminal.ts";
import { tunedTable } from "./tuning_file.ts";

/** What `deno task eval --metrics` was asked. */
export interface MetricsRequest {
  /** As given, such as `fid,kid`. */
  readonly metrics: string;
  readonly reference: string | undefined;
  /** Weights of Inception; else the digits judge looks. */
  readonly inception: string | undefined;
  readonly json: string | undefined;
  readonly samples: readonly string[];
}

/** The judge that no reward sees. */
const judgeFile = "assets/digits_judge_b.safetensors";

/**
 * Measures sets of pictures or features against a reference and prints a table, one column a set.
 *
 * @throws {UserError} for metrics that the files cannot give.
 */
export async function evaluateMetrics(request: MetricsRequest, print: (text: string) => void): Promise<void> {
  const wanted = parseMetrics(request.metrics);
  const compares = wanted.some((name) => name !== "is");
  if (request.samples.length === 0) {
    throw new UserError(
      "Cannot take --metrics of nothing: name a folder of .png files or an .npz file behind the options",
    );
  }
  if (compares && request.reference === undefined) {
    throw new UserError(`Cannot take --metrics ${request.metrics} without --reference: name pictures to compare with`);
  }
  if (!compares && request.reference !== undefined) {
    throw new UserError(
      `Cannot use --reference with --metrics ${request.metrics}: an Inception score compares with nothing; leave it out`,
    );
  }
  using stack = new DisposableStack();
  const open = async (path: string) => stack.use(await openEvaluationSource(path));
  const reference = compares ? await open(request.reference!) : null;
  const sources: EvaluationSource[] = [];
  for (const path of request.samples) sources.push(await open(path));
  if (reference) requireMeasurable(reference, wanted, "reference");
  for (const source of sources) requireMeasurable(source, wanted, "samples");
  const looks = sources.some((source) => needsNetwork(source, wanted, "samples")) ||
    (reference !== null && needsNetwork(reference, wanted, "reference"));
  if (!looks && request.inception !== undefined) {
    throw new UserError(
      "Cannot use --inception: reference and samples hold features or statistics, no pictures to look at",
    );
  }
  const network = looks ? await openNetwork(request.inception) : null;
  if (reference) { for (const source of sources) requireSameFeatures(reference, source, wanted, network); }
  const real = reference && await measure(reference, wanted, "reference", network);
  const sets: SetMetrics[] = [];
  for (const source of sources) {
    const samples = await measure(source, wanted, "samples", network);
    const onMetric = (name: ImageMetricName) => noteLine(`Computing ${name} of ${source.path}`);
    const values = imageMetrics(wanted, real, samples, samples.dimensions, onMetric);
    sets.push({ samples: source.path, count: samples.count!, values });
  }
  const features = network === null ? "as given" : request.inception ?? judgeFile;
  const result = { features, reference: real && { path: real.path, count: real.count }, sets };
  print(metricsTable(result, network?.kind ?? null)); // first: what took minutes is not lost where the file fails
  if (request.json !== undefined) {
    await writeFileAtomic(
      request.json,
      new TextEncoder().encode(`${toJson({ ...result, sets: sets.map((set) => ({ ...set })) }, 2)}\n`),
    );
  }
}

function parseMetrics(list: string): ImageMetricName[] {
  return list.split(",").map((part) => {
    const found = imageMetricNames.find((name) => name === part.trim());
    if (!found) {
      throw new UserError(
        `Cannot take --metrics ${list}: wanted some of ${imageMetricNames.join(",")}, got "${part.trim()}"`,
      );
    }
    return found;
  });
}

async function openNetwork(weights: string | undefined): Promise<FeatureNetwork> {
  const device = await Device.open({ choose: tunedTable });
  if (weights === undefined) {
    const file = new URL(`../../${judgeFile}`, import.meta.url);
    return judgeNetwork(device, await loadJudge(device, decodeURIComponent(file.pathname)));
  }
  using file = await openWeights(weights);
  return inceptionNetwork(device, await Inception.load(device, file, weights));
}

/** Before anything is looked at: Inception may take a day. @throws {UserError} */
function requireSameFeatures(
  reference: EvaluationSource,
  samples: EvaluationSource,
  wanted: readonly ImageMetricName[],
  network: FeatureNetwork | null,
): void {
  const real = dimensionsOf(reference, wanted, "reference", network);
  const fake = dimensionsOf(samples, wanted, "samples", network);
  if (real === fake) return;
  const advice = network?.kind === "judge" ? "; give the weights of Inception with --inception FILE" : "";
  throw new UserError(
    `Cannot compare ${samples.path} with ${reference.path}: their features have ${fake} and ${real} dimensions; ` +
      `take both from the same network${advice}`,
  );
}
