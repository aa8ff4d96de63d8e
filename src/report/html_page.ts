import style from "./html_page.css" with { type: "text" };
import { type Content, Html, markup } from "./html_template.ts";

/** A part of a page under a heading. */
export interface Section {
  readonly id: string;
  readonly title: string;
  readonly body: Content;
}

/**
 * A whole page that needs nothing else. Its policy forbids scripts and everything from elsewhere, so that not even a
 * mistake in here could load or run something.
 */
export function htmlPage(title: string, facts: readonly string[], top: Content, sections: readonly Section[]): string {
  const policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${Html.trusted(style)}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p class="facts">${facts.map((fact) => markup`<span>${fact}</span>`)}</p>
<nav>${sections.map(({ id, title }) => markup`<a href="#${id}">${title}</a>`)}</nav>
</header>
${top}
${sections.map(({ id, title, body }) => markup`<section id="${id}">\n<h2>${title}</h2>\n${body}\n</section>\n`)}</body>
</html>
`.text;
}
