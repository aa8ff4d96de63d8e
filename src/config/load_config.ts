import { type Document, isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from "yaml";
import { z } from "zod";
import { UserError } from "../error.ts";
import { describeIssue } from "./describe_issue.ts";
import { closest, didYouMean } from "./edit_distance.ts";
import { applyOverride, type Override, parseOverride } from "./override.ts";
import { knownKeys } from "./schema_keys.ts";

/**
 * Reads a YAML config file, applies `overrides` (each `a.b=v`, as in `--set a.b=v`) and checks the result.
 *
 * @throws {UserError} with every problem on a line of its own: `file:line:col: path: reason`, or `--set a.b=v: reason`.
 */
export function loadConfig<Schema extends z.ZodType>(
  file: string,
  schema: Schema,
  overrides: readonly string[] = [],
): z.output<Schema> {
  const lines = new LineCounter();
  const written = parseDocument(readText(file), { lineCounter: lines, prettyErrors: false });
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const faults = written.errors.map((error) => `${place(error.pos[0])}: ${error.message}`);
  // Every value stands where it is used: each has one place for messages, and no file can expand into a huge one.
  visit(written, {
    Alias: (_, node) =>
      void faults.push(`${place(node.range![0])}: *${node.source}: aliases are not allowed; write the value out`),
  });
  failOn(faults);

  const parsed = overrides.map(parseOverride);
  const resolved = written.clone();
  for (const override of parsed) applyOverride(resolved, override);
  const value = resolved.toJS();
  const result = z.safeParse(schema, value, { error: describeIssue, reportInput: true });
  if (result.success) return result.data;

  failOn(
    result.error.issues.flatMap((issue) => problemsOf(issue)).map(({ path, unknownKey, reason }) => {
      const origin = overrideAt(parsed, written, path)?.flag ?? place(offsetOf(written, path, unknownKey));
      const hint = unknownKey ? didYouMean(String(path.at(-1)), knownKeys(schema, path.slice(0, -1), value)) : "";
      return `${origin}: ${path.length ? `${path.join(".")}: ` : ""}${reason}${hint}`;
    }),
  );
  throw new Error("unreachable: a failed parse has at least one issue");
}

function failOn(problems: readonly string[]): void {
  if (problems.length) throw new UserError(problems.join("\n"));
}

function readText(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new UserError(`${file}: no such config file${neighbour(file)}`);
    if (error instanceof Deno.errors.IsADirectory) throw new UserError(`${file}: is a directory, expected a YAML file`);
    throw error;
  }
}

/** Names the file that was probably meant: `; did you mean configs/digits.yaml?`. */
function neighbour(file: string): string {
  const [, folder = "", name = ""] = /^(.*[\\/])?([^\\/]*)$/.exec(file)!;
  try {
    const names = [...Deno.readDirSync(folder || ".")].filter((entry) => entry.isFile).map((entry) => entry.name);
    const near = closest(name, names.filter((each) => each.endsWith(".yaml")));
    return near ? `; did you mean ${folder}${near}?` : "";
  } catch {
    return ""; // the folder itself may be missing or closed: then there is nothing to suggest
  }
}

interface Problem {
  readonly path: readonly PropertyKey[];
  readonly unknownKey: boolean;
  readonly reason: string;
}

function problemsOf(issue: z.core.$ZodIssue, base: readonly PropertyKey[] = []): Problem[] {
  const path = [...base, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: [...path, key], unknownKey: true, reason: "unknown key" }));
  }
  if (issue.code === "invalid_union") {
    // The branch that fails inside (not on the value as a whole) is the one that was meant.
    const inner = issue.errors.filter((branch) =>
      branch.some(({ path, code }) => path.length || code === "unrecognized_keys")
    )
      .toSorted((a, b) => a.length - b.length)[0];
    if (inner) return inner.flatMap((each) => problemsOf(each, path));
  }
  return [{ path, unknownKey: false, reason: issue.message }];
}

/** The override that gave the value at `path`, or that made the section around it. */
function overrideAt(overrides: readonly Override[], written: Document, path: readonly PropertyKey[]) {
  const covers = (a: readonly PropertyKey[], b: readonly PropertyKey[]) => a.every((key, i) => key === String(b[i]));
  return overrides.findLast((each) => each.path.length <= path.length && covers(each.path, path)) ??
    (written.hasIn(path) ? undefined : overrides.findLast((each) => covers(path.map(String), each.path)));
}

/** Where the value at `path` begins in the file, or where its deepest existing section begins. */
function offsetOf(document: Document, path: readonly PropertyKey[], atKey: boolean): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const [depth, key] of path.entries()) {
    if (isSeq(node)) node = node.items[Number(key)];
    else if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (!pair) return offset;
      const keyOffset = startOf(pair.key) ?? offset;
      offset = keyOffset;
      if (atKey && depth === path.length - 1) return offset;
      node = pair.value;
    } else return offset;
    // A section is shown at its key, a value at itself.
    if (!isMap(node)) offset = startOf(node) ?? offset;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return (node as { range?: readonly number[] | null } | null)?.range?.[0];
}
