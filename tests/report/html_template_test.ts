import assert from "node:assert/strict";
import { inlineSvg, markup } from "../../src/report/html_template.ts";

Deno.test("markup escapes what it is given, in text and attributes, but not markup", () => {
  const hostile = `"><script>alert('1')</script>&amp;\0\x1b`;
  const escaped = "&#34;&#62;&#60;script&#62;alert(&#39;1&#39;)&#60;/script&#62;&#38;amp;\ufffd\ufffd";
  assert.equal(markup`<p title="${hostile}">${hostile}</p>`.text, `<p title="${escaped}">${escaped}</p>`);
  assert.equal(
    markup`<ul>${["a<b", 3, null].map((item) => markup`<li>${item}</li>`)}</ul>`.text,
    "<ul><li>a&#60;b</li><li>3</li><li></li></ul>",
  );
});

Deno.test("inlineSvg: ids of two plots on a page stay apart", () => {
  const svg = '<svg width="90" height="20"><linearGradient id="g0"/><path fill="url(#g0)"/></svg>';
  const { text } = inlineSvg(svg, "a", "a < b");
  assert.match(text, /aria-label="a &#60; b"/);
  assert.match(text, /max-width:90px/);
  assert.match(text, /id="a-g0".*url\(#a-g0\)/);
});
