/** Templates of prompts, such as `a photo of a {name}`. */
import { z } from "zod";

/** What stands for the class's name. */
const namePlace = "{name}";

/** A template in a config. */
export const promptTemplateSchema = z.string().includes(namePlace, {
  error: `expected a text with "${namePlace}" in the class's place`,
});

/** Every name in every template, those of a name together. */
export function fillTemplates(names: readonly string[], templates: readonly string[]): string[] {
  // A function, since dollar signs in a text would have a meaning.
  return names.flatMap((name) => templates.map((template) => template.replaceAll(namePlace, () => name)));
}
