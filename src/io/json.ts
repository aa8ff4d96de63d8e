/** JSON that keeps NaN and the infinities, which JSON.stringify would turn into null, as strings of those names. */

/** A value that can be written: `undefined` members are left out. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

/** `value` as JSON text, with `indent` spaces a level (none: one line); NaN becomes `"NaN"`, infinity `"Infinity"`. */
export function toJson(value: JsonValue, indent = 0): string {
  return JSON.stringify(
    value,
    (_, item) => typeof item === "number" && !Number.isFinite(item) ? String(item) : item,
    indent,
  );
}

/** The value of JSON `text`, with the strings `"NaN"`, `"Infinity"` and `"-Infinity"` as the numbers they name. */
export function fromJson(text: string): JsonValue {
  return JSON.parse(
    text,
    (_, item) => typeof item === "string" && /^(NaN|-?Infinity)$/.test(item) ? Number(item) : item,
  );
}
