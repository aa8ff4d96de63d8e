import { UserError } from "../error.ts";
import { fileError, readBytes } from "./file_error.ts";
import { fromJson, type JsonValue, toJson } from "./json.ts";

/** One line of the log, such as `{ step: 10, loss: 0.5 }`. */
export type MetricsRecord = Readonly<Record<string, JsonValue>>;

const NEWLINE = 0x0a;

/**
 * Appends records to a JSONL file, one object a line; NaN and the infinities are written as strings of those names.
 * Every record is in the file when `append` returns. Close it, or declare it with `using`.
 */
export class MetricsLog implements Disposable {
  readonly #file: Deno.FsFile;

  private constructor(readonly path: string, file: Deno.FsFile) {
    this.#file = file;
  }

  /** Opens the log at `path` for appending, new if there is none. Throws UserError where that is not possible. */
  static async open(path: string): Promise<MetricsLog> {
    try {
      return new MetricsLog(path, await Deno.open(path, { append: true, create: true }));
    } catch (cause) {
      throw fileError("write", path, cause);
    }
  }

  /** Adds one line. */
  append(record: MetricsRecord): void {
    const line = new TextEncoder().encode(toJson(record) + "\n");
    for (let written = 0; written < line.length;) written += this.#file.writeSync(line.subarray(written));
  }

  /**
   * Keeps the first `lines` lines and drops what follows them, so that a resumed run goes on from its checkpoint in
   * the same file. Throws UserError where the file has fewer whole lines.
   */
  async truncateTo(lines: number): Promise<void> {
    const bytes = await readBytes(this.path);
    let end = 0;
    for (let kept = 0; kept < lines; kept++) {
      const newline = bytes.indexOf(NEWLINE, end);
      if (newline < 0) {
        throw new UserError(`Cannot resume from line ${lines} of ${this.path}: it has ${kept} lines; restore the file`);
      }
      end = newline + 1;
    }
    await this.#file.truncate(end);
  }

  /** Closes the file. */
  close(): void {
    this.#file.close();
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * The records of the log at `path`, with non-finite numbers restored. A last line without its end, as a crash leaves
 * it, is passed over. Throws UserError for a missing file and, with its number, for a line that is no JSON object.
 */
export async function readMetrics(path: string): Promise<MetricsRecord[]> {
  const lines = new TextDecoder().decode(await readBytes(path)).split("\n");
  return lines.slice(0, -1).map((line, i) => {
    const record = parseLine(line);
    if (record === undefined) {
      throw new UserError(`Cannot read ${path}: line ${i + 1} is not a JSON object; remove or mend it`);
    }
    return record;
  });
}

function parseLine(line: string): MetricsRecord | undefined {
  try {
    const value = fromJson(line);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as MetricsRecord;
  } catch {
    return undefined; // not JSON
  }
}
