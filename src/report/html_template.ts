/** Markup that is safe to put into a page: made by {@link markup} or {@link inlineSvg} only. */
export class Html {
  private constructor(readonly text: string) {}

  /** Markup of our own making; text from a file must never come here. */
  static trusted(text: string): Html {
    return new Html(text);
  }
}

/** What stands in a template: text and numbers are escaped, lists are joined, null is nothing. */
export type Content = Html | string | number | null | readonly Content[];

/** A template literal of HTML in which every value is escaped, unless it is {@link Html} itself. */
export function markup(parts: TemplateStringsArray, ...values: readonly Content[]): Html {
  return Html.trusted(parts.map((part, i) => part + (i < values.length ? markupOf(values[i]!) : "")).join(""));
}

function markupOf(value: Content): string {
  if (value === null) return "";
  if (value instanceof Html) return value.text;
  if (typeof value === "object") return value.map(markupOf).join("");
  return escapeHtml(String(value));
}

/** Text for an element or a quoted attribute. Characters that HTML forbids become U+FFFD. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
    // deno-lint-ignore no-control-regex
    .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/g, "\ufffd");
}

/**
 * An SVG document of vega as a figure of the page, as wide as its place allows. Its ids are made unique by `key`, since
 * those of all plots share the page; colours and fonts of its text follow the page's style sheet.
 */
export function inlineSvg(svg: string, key: string, description: string): Html {
  const width = /^<svg[^>]* width="([\d.]+)"/.exec(svg)?.[1] ?? "100%";
  const unique = svg.replaceAll(/(\bid="|url\(#)/g, `$1${key}-`).replace(
    /^<svg/,
    "<svg preserveAspectRatio='xMinYMin'",
  );
  return markup`<figure class="plot" style="max-width:${width}px" role="img" aria-label="${description}">${
    Html.trusted(unique)
  }</figure>`;
}
