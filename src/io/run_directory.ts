import { join } from "node:path";
import { UserError } from "../error.ts";
import { writeFileAtomic } from "./atomic.ts";
import { fileError } from "./file_error.ts";
import { type JsonValue, toJson } from "./json.ts";

/** What a run was made with, so that its results can be traced and repeated. */
export interface RunEnvironment {
  /** Version of this program. */
  readonly version: string;
  /** Its commit, or null where it does not run from a repository. */
  readonly commit: string | null;
  /** Name of the GPU adapter. */
  readonly adapter: string;
  /** Which kernels heavy ops run, by op; a run that is resumed keeps them. */
  readonly kernels: Readonly<Record<string, string>>;
  /** The seed of all random numbers. */
  readonly seed: number;
}

/** The folder of one run: where its parts lie, and atomic writes into it. */
export class RunDirectory {
  private constructor(
    /** The folder itself, as the user named it. */
    readonly path: string,
  ) {}

  /**
   * Makes the folder of a new run with its subfolders. Throws UserError where `path` is a file or a folder that
   * already holds something.
   */
  static async create(path: string): Promise<RunDirectory> {
    const run = new RunDirectory(path);
    try {
      await Deno.mkdir(path, { recursive: true });
      if ((await Array.fromAsync(Deno.readDir(path))).length > 0) {
        throw new UserError(
          `Cannot start a run in ${path}: the folder is not empty; continue its run with --resume ${path} or name another with --out`,
        );
      }
      for (const folder of [run.checkpoints, run.samples, run.plots]) await Deno.mkdir(folder);
    } catch (cause) {
      if (cause instanceof Deno.errors.AlreadyExists) {
        throw new UserError(`Cannot start a run in ${path}: it is a file; name a folder with --out`, { cause });
      }
      throw fileError("write", path, cause);
    }
    return run;
  }

  /** The folder of an existing run. Throws UserError where `path` holds no run, that is no config.yaml. */
  static async open(path: string): Promise<RunDirectory> {
    const run = new RunDirectory(path);
    try {
      await Deno.stat(run.config);
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory)) {
        throw fileError("read", run.config, cause);
      }
      throw new UserError(`Cannot open the run ${path}: it has no config.yaml; name a folder that train wrote`, {
        cause,
      });
    }
    return run;
  }

  /** The resolved configuration. */
  get config(): string {
    return join(this.path, "config.yaml");
  }

  /** One JSON object a line: see MetricsLog. */
  get metrics(): string {
    return join(this.path, "metrics.jsonl");
  }

  /** All folders of the run, itself first. */
  get folders(): string[] {
    return [this.path, this.checkpoints, this.samples, this.plots];
  }

  /** The folder of checkpoints. */
  get checkpoints(): string {
    return join(this.path, "checkpoints");
  }

  /** The folder of sample grids. */
  get samples(): string {
    return join(this.path, "samples");
  }

  /** The folder of plots. */
  get plots(): string {
    return join(this.path, "plots");
  }

  /** Writes `value` as indented JSON to `name`, a path inside the run; non-finite numbers become strings. */
  async writeJson(name: string, value: JsonValue): Promise<void> {
    await this.writeText(name, toJson(value, 2) + "\n");
  }

  /** Writes `text` as UTF-8 to `name`, a path inside the run. */
  async writeText(name: string, text: string): Promise<void> {
    await this.writeBytes(name, new TextEncoder().encode(text));
  }

  /** Writes `bytes` to `name`, a path inside the run. */
  async writeBytes(name: string, bytes: Uint8Array): Promise<void> {
    await writeFileAtomic(join(this.path, name), bytes);
  }

  /** Writes `environment` and the runtime it ran on to environment.json. */
  async writeEnvironment(environment: RunEnvironment): Promise<void> {
    const runtime = { deno: Deno.version.deno, platform: `${Deno.build.os}-${Deno.build.arch}` };
    await this.writeJson("environment.json", { ...environment, ...runtime });
  }

  /** The commit that the run was started with; null where its environment.json is not there or says none. */
  async commit(): Promise<string | null> {
    const { commit } = await this.#environment();
    return typeof commit === "string" ? commit : null;
  }

  /** The kernels that the run was started with, unchecked; undefined where it tells none, or those of another adapter. */
  async kernels(adapterName: string): Promise<unknown> {
    const { adapter, kernels } = await this.#environment();
    return adapter === adapterName ? kernels : undefined;
  }

  /** Members of environment.json; none where it cannot be read, for it is no part of a run's results. */
  async #environment(): Promise<Readonly<Record<string, unknown>>> {
    try {
      return Object(JSON.parse(await Deno.readTextFile(join(this.path, "environment.json"))));
    } catch {
      return {};
    }
  }
}
