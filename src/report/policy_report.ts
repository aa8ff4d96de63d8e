import { join } from "node:path";
import { UserError } from "../error.ts";
import { readBytes } from "../io/file_error.ts";
import { fromJson } from "../io/json.ts";
import { type MetricsRecord, readMetrics } from "../io/metrics_log.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import { trainingCurves } from "./html_curves.ts";
import { decisionPlots } from "./html_decisions.ts";
import { headline } from "./html_headline.ts";
import { methodsTable, paretoPlots } from "./html_methods.ts";
import { htmlPage, type Section } from "./html_page.ts";
import { plotPictures, samplePictures } from "./html_pictures.ts";
import { scoresTable } from "./html_scores.ts";
import { type Html, markup } from "./html_template.ts";
import { warningsBox } from "./html_warnings.ts";
import { evaluationDetails } from "./policy_report_details.ts";
import { evaluationPath, ifThere, type PolicyEvaluation, readEvaluation } from "./run_record.ts";

/** What a run has so far; a file that cannot be read is a problem to tell, not to fail on. */
interface RunContent {
  readonly job: string;
  readonly config: string | null;
  readonly environment: string | null;
  readonly records: readonly MetricsRecord[] | null;
  readonly evaluation: PolicyEvaluation | null;
  /** eval.json of another form, as text. */
  readonly otherEvaluation: string | null;
  /** Messages about files that could not be read. */
  readonly problems: readonly string[];
}

/**
 * Writes report.html into a run: one page that needs neither network nor scripts. What the run has not got yet, because
 * it was interrupted or not evaluated, is left out with a line that names the command which makes it.
 *
 * @returns the page's path.
 */
export async function writeReport(run: RunDirectory): Promise<string> {
  const content = await readRun(run);
  const { job, evaluation, records, problems } = content;
  const facts = [run.path, ...factsOf(content)];
  const top = [
    ...problems.map((problem) => markup`<p class="caution">${problem}.</p>`),
    warningsBox(records ?? []),
  ];
  const sections = [
    ...await comparisonSections(run, content),
    ...await trainingSections(run, records),
    ...evaluation?.decisions
      ? [{ id: "decisions", title: "What the policy decides", body: await decisionPlots(evaluation.decisions) }]
      : [],
    ...await pictureSections(run, content),
    ...otherResults(content),
    { id: "settings", title: "Settings", body: settings(content) },
  ];
  await run.writeText("report.html", htmlPage(`Run of ${job}`, facts, top, sections));
  return join(run.path, "report.html");
}

async function readRun(run: RunDirectory): Promise<RunContent> {
  const problems: string[] = [];
  const tolerant = async <T>(read: () => Promise<T>): Promise<T | null> => {
    try {
      return await ifThere(read);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(error.message);
      return null;
    }
  };
  const text = (path: string) => tolerant(async () => new TextDecoder().decode(await readBytes(path)));
  const config = await text(run.config);
  const evaluation = await tolerant(() => readEvaluation(run));
  return {
    job: /^job: *"?(\w+)/m.exec(config ?? "")?.[1] ?? "an unknown job",
    config,
    environment: await text(join(run.path, "environment.json")),
    records: await tolerant(() => readMetrics(run.metrics)),
    evaluation,
    otherEvaluation: evaluation ? null : await text(evaluationPath(run)),
    problems,
  };
}

/** Adapter, date and the like for the line under the title. */
function factsOf({ evaluation, environment }: RunContent): string[] {
  if (evaluation) {
    const { adapter, date, commit, judge } = evaluation;
    return [adapter, `evaluated ${date}`, ...(commit ? [`commit ${commit.slice(0, 10)}`] : []), `judge ${judge}`];
  }
  const { adapter, seed } = recordOf(environment);
  return [...(adapter ? [String(adapter)] : []), ...(seed === undefined ? [] : [`seed ${seed}`])];
}

async function comparisonSections(
  run: RunDirectory,
  { job, evaluation, otherEvaluation }: RunContent,
): Promise<Section[]> {
  const id = "comparison", title = "Policy against ARPG's own rule";
  if (evaluation) {
    return [
      { id, title, body: headline(evaluation) },
      { id: "pareto", title: "Quality and cost", body: await paretoPlots(evaluation) },
      { id: "methods", title: "All methods", body: methodsTable(evaluation) },
      ...evaluationDetails(evaluation),
    ];
  }
  const scores = otherEvaluation && scoresTable(otherEvaluation);
  if (scores) return [{ id, title: isPolicy(job) ? title : "Trained and published", body: scores }];
  // A job without a policy has nothing to compare.
  return isPolicy(job) ? [{ id, title, body: missing("Not evaluated yet", await evalCommand(run, job)) }] : [];
}

async function trainingSections(run: RunDirectory, records: readonly MetricsRecord[] | null): Promise<Section[]> {
  const curves = await trainingCurves(records ?? []);
  if (!curves && records?.length) return []; // a job that measures and does not train
  return [{ id: "training", title: "Training", body: curves ?? missing("No curves yet", trainCommand(run)) }];
}

async function pictureSections(run: RunDirectory, { job, evaluation }: RunContent): Promise<Section[]> {
  const command = await evalCommand(run, job);
  const samples = await samplePictures(run) ?? missing("No pictures yet", command);
  // With an evaluation the page has drawn its own.
  const plots = evaluation ? null : await plotPictures(run);
  return [
    { id: "pictures", title: "Pictures", body: samples },
    ...plots ? [{ id: "plots", title: "Plots of the job", body: plots }] : [],
  ];
}

function isPolicy(job: string): boolean {
  return job.includes("policy");
}

/** What leads to an evaluation: training, where that has not ended with a policy, or evaluates it itself. */
async function evalCommand(run: RunDirectory, job: string): Promise<string> {
  if (job !== "digits_policy") return trainCommand(run);
  try {
    await Deno.stat(join(run.checkpoints, "policy.safetensors"));
    return `deno task eval --run ${shellWord(run.path)}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return trainCommand(run);
    throw error;
  }
}

function trainCommand({ path }: RunDirectory): string {
  return `deno task train --resume ${shellWord(path)}`;
}

/** A path as a shell takes it. */
function shellWord(path: string): string {
  return /^[\w./:@+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

function otherResults({ otherEvaluation }: RunContent): Section[] {
  if (otherEvaluation === null) return [];
  return [{ id: "results", title: "Results", body: folded("eval.json", otherEvaluation) }];
}

function settings({ config, environment }: RunContent): Html {
  const facts = Object.entries(recordOf(environment));
  const rows = facts.map(([name, value]) => markup`<tr><th>${name}</th><td>${shown(value)}</td></tr>`);
  return markup`<table class="facts-table">${rows}</table>${config === null ? null : folded("config.yaml", config)}`;
}

/** A fact as text; the kernels are an object of names: `matmul lane, rows plain`. */
function shown(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value).map((entry) => entry.join(" ")).join(", ");
}

function folded(name: string, text: string): Html {
  return markup`<details><summary>${name}</summary><pre>${text}</pre></details>`;
}

function missing(what: string, command: string): Html {
  return markup`<p class="missing">${what}: run <code>${command}</code>.</p>`;
}

/** The members of a JSON object; none for anything else. */
function recordOf(text: string | null): Readonly<Record<string, unknown>> {
  try {
    const value = fromJson(text ?? "{}");
    return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
  } catch {
    return {}; // environment.json is for information: a broken one is shown as none
  }
}
