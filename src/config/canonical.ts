import { stringify } from "yaml";

/**
 * The config as YAML text in one fixed form: keys sorted, every value spelt out. Equal configs give equal text, whatever
 * the order of their keys, and `loadConfig` reads it back to the same value.
 */
export function canonicalConfig(config: unknown): string {
  return stringify(config, { sortMapEntries: true, aliasDuplicateObjects: false, lineWidth: 0 });
}

/** The dotted paths at which two configs differ, in sorted order. A list counts as one value. */
export function diffConfig(a: unknown, b: unknown): string[] {
  return differences(a, b, []).sort();
}

function differences(a: unknown, b: unknown, path: readonly string[]): string[] {
  if (!isSection(a) || !isSection(b)) return canonicalConfig(a) === canonicalConfig(b) ? [] : [path.join(".")];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .flatMap((key) => differences(a[key], b[key], [...path, key]));
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
