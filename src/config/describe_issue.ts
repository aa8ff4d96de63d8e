import type { z } from "zod";
import { didYouMean } from "./edit_distance.ts";

/**
 * What is wrong, in the words of a config file: `expected number, received string "fast"`. A zod error map: undefined
 * leaves zod's own words, and a schema's own message always wins over this one.
 */
export function describeIssue(issue: z.core.$ZodRawIssue): string | undefined {
  const wanted = wantedText(issue);
  if (wanted === undefined) return undefined;
  const discriminator = discriminatorOf(issue);
  const input = discriminator ? (issue.input as Record<string, unknown>)[discriminator.name] : issue.input;
  if (input === undefined) return `missing; expected ${wanted}`;
  const hint = typeof input === "string" ? didYouMean(input, allowedWords(issue)) : "";
  return `expected ${wanted}, received ${receivedText(input)}${hint}`;
}

function wantedText(issue: z.core.$ZodRawIssue | z.core.$ZodIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return { object: "section", record: "section", array: "list", tuple: "list", int: "whole number" }[
        issue.expected as string
      ] ?? issue.expected;
    case "invalid_value":
      return choiceText(issue.values);
    case "invalid_union":
      return discriminatorOf(issue)
        ? choiceText(discriminatorOf(issue)!.options)
        : [...new Set(issue.errors.map((branch) => branch.length === 1 ? wantedText(branch[0]!) : "section"))].join(
          " or ",
        );
    case "too_small":
      return boundText(issue.inclusive ? "at least" : "more than", issue.minimum, issue.origin);
    case "too_big":
      return boundText(issue.inclusive ? "at most" : "less than", issue.maximum, issue.origin);
    case "not_multiple_of":
      return `a multiple of ${issue.divisor}`;
    default:
      return undefined;
  }
}

function choiceText(values: readonly unknown[]): string {
  return (values.length > 1 ? "one of " : "") + values.map((value) => JSON.stringify(value)).join(", ");
}

function boundText(relation: string, bound: number | bigint, origin: string): string {
  const unit = { array: " entries", string: " characters" }[origin] ?? "";
  return `${relation} ${bound}${unit}`;
}

function allowedWords(issue: z.core.$ZodRawIssue): string[] {
  return (issue.code === "invalid_value" ? issue.values : discriminatorOf(issue)?.options ?? []).map(String);
}

/** The field that names the member of a tagged union, and the names it may have, where no member matched. */
function discriminatorOf(
  issue: z.core.$ZodRawIssue | z.core.$ZodIssue,
): { name: string; options: string[] } | undefined {
  if (issue.code !== "invalid_union" || !issue.discriminator || !("options" in issue)) return undefined;
  return { name: issue.discriminator, options: issue.options as string[] };
}

function receivedText(input: unknown): string {
  if (input === null) return "nothing";
  if (Array.isArray(input)) return `a list of ${input.length}`;
  if (typeof input === "object") return "a section";
  return `${typeof input} ${typeof input === "string" ? JSON.stringify(input) : input}`;
}
