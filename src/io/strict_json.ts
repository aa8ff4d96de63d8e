/** JSON out of files that are not believed. */
import { quoted } from "./quoted.ts";

/**
 * The value of JSON in UTF-8 whose objects hold no key twice, which JSON.parse would pass over.
 *
 * @param what stands for the text in messages, such as `its header`.
 * @param fail makes the error of a reason.
 */
export function parseStrictJson(
  bytes: Uint8Array,
  what: string,
  fail: (reason: string, cause?: unknown) => Error,
): unknown {
  let json: string, value: unknown;
  try {
    json = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw fail(`${what} is not UTF-8 text`, cause);
  }
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw fail(`${what} is not JSON`, cause);
  }
  const duplicate = duplicateKey(json);
  if (duplicate !== undefined) throw fail(`${what} holds the key ${quoted(duplicate)} twice`);
  return value;
}

/** Whether a value of JSON is an object, not a list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The first key that an object of valid `json` holds twice. */
function duplicateKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (const [token] of json.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"(?:\s*:)?|[{}]/g)) {
    if (token === "{") open.push(new Set());
    else if (token === "}") open.pop();
    else if (token.endsWith(":")) {
      const key = JSON.parse(token.slice(0, -1)) as string;
      const keys = open.at(-1)!;
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
}
