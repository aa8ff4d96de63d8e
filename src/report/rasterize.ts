/**
 * Draws SVG with resvg and the DejaVu Sans fonts, the same pixels on every machine.
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
  return render(svg, zoom, (image) => image.asPng());
}

/** Renders an SVG document at its own size: RGBA `[height, width, 4]`, colours multiplied by alpha. */
export function rasterizePixels(svg: string): Uint8Array {
  return render(svg, 1, (image) => image.pixels);
}

/** What resvg gives, as far as it is used. */
interface Rendered {
  readonly pixels: Uint8Array;
  asPng(): Uint8Array;
}

function render(svg: string, zoom: number, use: (image: Rendered) => Uint8Array): Uint8Array {
  const font = { fontBuffers: FONTS, defaultFontFamily: "DejaVu Sans" };
  const resvg = new Resvg(svg, { font, fitTo: { mode: "zoom", value: zoom } });
  const image = resvg.render();
  try {
    return use(image);
  } finally {
    image.free();
    resvg.free();
  }
}
