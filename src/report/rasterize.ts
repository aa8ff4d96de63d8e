/**
 * Turns SVG into PNG with resvg and the DejaVu Sans fonts, the same pixels on every machine.
 *
 * Loading this module reads the WebAssembly file and the fonts, some 4 MB, from Deno's npm cache (`--allow-read`), so
 * import it where a picture is drawn: `await import("./rasterize.ts")`.
 *
 * @module
 */
import { initWasm, Resvg } from "@resvg/resvg-wasm";
// The fonts are no module; importing this much of their package lets `import.meta.resolve` find its files.
import "dejavu-fonts-ttf/package.json" with { type: "json" };

const readPackageFile = (url: string) => Deno.readFile(new URL(url));

const [wasm, ...FONTS] = await Promise.all([
  readPackageFile(import.meta.resolve("@resvg/resvg-wasm/index_bg.wasm")),
  readPackageFile(import.meta.resolve("dejavu-fonts-ttf/ttf/DejaVuSans.ttf")),
  readPackageFile(import.meta.resolve("dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf")),
]);
await initWasm(wasm);

/**
 * Renders an SVG document, `zoom` picture pixels per SVG pixel: the bytes of a PNG file.
 * All text is set in DejaVu Sans, regular or bold.
 */
export function rasterizeSvg(svg: string, zoom: number): Uint8Array {
  const font = { fontBuffers: FONTS, defaultFontFamily: "DejaVu Sans" };
  const resvg = new Resvg(svg, { font, fitTo: { mode: "zoom", value: zoom } });
  const image = resvg.render();
  try {
    return image.asPng();
  } finally {
    image.free();
    resvg.free();
  }
}
