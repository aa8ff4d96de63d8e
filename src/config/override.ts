import { type Document, isMap, isScalar, isSeq, parseDocument } from "yaml";
import { UserError } from "../error.ts";

/** One `--set a.b=v` of the command line. */
export interface Override {
  /** The text of the flag, for messages. */
  readonly flag: string;
  /** The keys from the root to the value. */
  readonly path: readonly string[];
  /** What to put there. */
  readonly value: unknown;
}

/**
 * Reads `a.b=v`, where `v` is a YAML value: `3e-4`, `true`, `[16, 32]`.
 *
 * @throws {UserError} where the text has no key, no `=`, or no valid value.
 */
export function parseOverride(text: string): Override {
  const flag = `--set ${text}`;
  const equals = text.indexOf("=");
  const path = text.slice(0, Math.max(equals, 0)).split(".");
  if (path.includes("")) {
    throw new UserError(`${flag}: expected KEY=VALUE with a dotted key, as in --set train.lr=3e-4`);
  }
  const document = parseDocument(text.slice(equals + 1), { prettyErrors: false });
  const problem = document.errors[0];
  if (problem) throw new UserError(`${flag}: the value is not valid YAML: ${problem.message}`);
  return { flag, path, value: document.toJS() };
}

/**
 * Writes the override into `document`. Sections that are missing on the way are made; the schema judges them later.
 *
 * @throws {UserError} where the path goes through a value that has no keys, or through an entry that a list has not.
 */
export function applyOverride(document: Document, { flag, path, value }: Override): void {
  path.forEach((key, depth) => {
    const parent = depth ? document.getIn(path.slice(0, depth), true) : document.contents;
    const name = path.slice(0, depth).join(".");
    if (isScalar(parent) && parent.value !== null) {
      throw new UserError(
        `${flag}: ${name} is ${JSON.stringify(parent.value)}, which has no key ${JSON.stringify(key)}`,
      );
    }
    if (isSeq(parent) && !(/^\d+$/.test(key) && Number(key) < parent.items.length)) {
      throw new UserError(`${flag}: ${name} is a list of ${parent.items.length}; its entries are named from 0`);
    }
    if (!isMap(parent) && !isSeq(parent)) document.setIn(path.slice(0, depth), document.createNode({}));
  });
  document.setIn(path, document.createNode(value));
}
