const REDRAW_MS = 100;
const LINE_MS = 5000;
const BAR_CELLS = 20;
const ERASE_LINE = "\r\x1b[K";

/** Where {@link Progress} writes and what it asks; the defaults are the process's standard error and clock. */
export interface ProgressOptions {
  /** Units already done before this process, as when a run is resumed: they do not count for the speed. Default 0. */
  initial?: number;
  /** Writes text as it is. */
  write?: (text: string) => void;
  /** Milliseconds, never going back. */
  now?: () => number;
  /** Whether the text goes to a terminal, where a line can be redrawn. */
  isTerminal?: boolean;
  /** The terminal's width now; 0 if it does not say. */
  columns?: () => number;
}

/**
 * Shows on standard error how far a long job is. On a terminal it is one line with a bar, redrawn at most ten times a
 * second and cut to the terminal's width; elsewhere (a file, a CI log) a plain line every five seconds. Needs no
 * permission.
 *
 * ```ts
 * const losses = [2.1, 1.4, 0.9];
 * using progress = new Progress(losses.length);
 * losses.forEach((loss, i) => progress.update(i + 1, `loss ${loss.toFixed(3)}`));
 * ```
 */
export class Progress implements Disposable {
  readonly #total: number;
  readonly #initial: number;
  readonly #write: (text: string) => void;
  readonly #now: () => number;
  readonly #isTerminal: boolean;
  readonly #columns: () => number;
  readonly #start: number;
  #lastShown = -Infinity;
  #done: number;
  #info = "";
  #shown = "";
  #closed = false;

  /** Starts the clock of a job of `total` units. */
  constructor(total: number, options: ProgressOptions = {}) {
    this.#total = total;
    this.#initial = this.#done = options.initial ?? 0;
    this.#write = options.write ?? writeStderr;
    this.#now = options.now ?? (() => performance.now());
    this.#isTerminal = options.isTerminal ?? Deno.stderr.isTerminal();
    this.#columns = options.columns ?? (() => Deno.consoleSize().columns);
    this.#start = this.#now();
  }

  /** Says that `done` units are done, with a few words about the last one. Cheap: mostly nothing is written. */
  update(done: number, info = ""): void {
    this.#done = done;
    this.#info = info;
    const now = this.#now();
    if (now - this.#lastShown < (this.#isTerminal ? REDRAW_MS : LINE_MS)) return;
    this.#lastShown = now;
    this.#show(this.#line(`eta ${this.#eta(now)}`));
  }

  /** Prints a line of its own; the bar goes on below it. */
  message(line: string): void {
    this.#write(this.#isTerminal && this.#shown ? `${ERASE_LINE}${line}\n${this.#shown}` : `${line}\n`);
  }

  /** Ends with a line that says how long it took. Further calls do nothing. */
  done(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#show(this.#line(`in ${duration(this.#now() - this.#start)}`));
    if (this.#isTerminal) this.#write("\n");
    this.#shown = "";
  }

  /** The same as {@link done}, so that an error leaves the terminal on a fresh line. */
  [Symbol.dispose](): void {
    this.done();
  }

  #line(time: string): string {
    const fraction = this.#total > 0 ? Math.min(1, this.#done / this.#total) : 1;
    const filled = Math.floor(fraction * BAR_CELLS);
    const bar = this.#isTerminal ? `[${"#".repeat(filled).padEnd(BAR_CELLS, "-")}] ` : "";
    const percent = `${Math.floor(fraction * 100)}%`.padStart(4);
    return [`${bar}${percent} ${this.#done}/${this.#total}`, this.#info, time].filter(Boolean).join("  ");
  }

  #show(line: string): void {
    if (!this.#isTerminal) return this.#write(`${line.trimStart()}\n`);
    // A line that fills the last column makes some terminals go to the next, which a redraw cannot reach.
    this.#shown = line.slice(0, (this.#columns() || 80) - 1);
    this.#write(ERASE_LINE + this.#shown);
  }

  #eta(now: number): string {
    const here = this.#done - this.#initial;
    return here > 0 ? duration(((now - this.#start) / here) * Math.max(0, this.#total - this.#done)) : "?";
  }
}

/** "42s", "3m 05s", "2h 07m". */
function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const two = (value: number) => `${value}`.padStart(2, "0");
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  return `${Math.floor(seconds / 3600)}h ${two(Math.floor((seconds % 3600) / 60))}m`;
}

function writeStderr(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let offset = 0; offset < bytes.length;) offset += Deno.stderr.writeSync(bytes.subarray(offset));
}
