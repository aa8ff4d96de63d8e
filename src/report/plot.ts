import type { TopLevelSpec } from "vega-lite";
import { UserError } from "../error.ts";
import { colorByName, type Reference, referenceLayers, THEME, vegaSvg } from "./plot_theme.ts";

/** One curve. */
export interface Series {
  /** Its name in the legend. */
  name: string;
  /** `[x, y]` by rising x. Where y is not finite the curve has a gap. */
  points: readonly (readonly [x: number, y: number])[];
}

/** What {@link renderCurves} draws. */
export interface CurvesOptions {
  /** Title of the whole plot: short, since the picture grows with it. */
  title: string;
  /** A smaller line under it. */
  subtitle?: string;
  /** The horizontal axis; with `log` of positive values, by factors. */
  x: { title: string; log?: boolean };
  /** The vertical axis; with `zero` it begins at 0. */
  y: { title: string; zero?: boolean };
  /** The curves, in the order of the legend. */
  series: readonly Series[];
  /** Points in the centred rolling mean that is drawn over the pale raw curve. Without it there is the raw curve only. */
  smooth?: number;
  /** Horizontal lines to compare with. */
  references?: readonly Reference[];
  /** Pixels between the axes. Default 660 by 330. */
  width?: number;
  height?: number;
}

const WIDTH = 660, HEIGHT = 330;
const X_AXIS = { grid: false, tickCount: 8, labelFlush: false };

/**
 * Draws curves over a common x axis: the bytes of a PNG file of about 1500 x 800 pixels, for a page at half that size.
 *
 * Needs `--allow-read` for the SVG renderer and the fonts in Deno's npm cache. The libraries, some 0.3 s, are loaded at
 * the first call.
 *
 * @throws {UserError} if no series has a finite point, or `smooth` is no positive integer.
 */
export async function renderCurves(options: CurvesOptions): Promise<Uint8Array> {
  const svg = await curvesSvg(options);
  const { rasterizeSvg } = await import("./rasterize.ts");
  return rasterizeSvg(svg, 2);
}

/** The same plot as an SVG document. Needs no permission; the text is set in the reader's DejaVu Sans or sans-serif. */
export async function curvesSvg(options: CurvesOptions): Promise<string> {
  return await vegaSvg(curvesSpec(options));
}

function curvesSpec(options: CurvesOptions): TopLevelSpec {
  const { title, subtitle, x, y, series, smooth, references = [], width = WIDTH, height = HEIGHT } = options;
  const values = series.flatMap(({ name, points }) =>
    points.map(([x, y]) => ({ x, y: Number.isFinite(y) ? y : null, series: name }))
  );
  if (values.every(({ y }) => y === null)) {
    throw new UserError(`Cannot plot "${title}": no series has a finite point; record some first`);
  }
  if (smooth !== undefined && !(Number.isInteger(smooth) && smooth > 0)) {
    throw new UserError(`Cannot plot "${title}": smooth must be a whole number of points from 1 up, got ${smooth}`);
  }
  const scale = { zero: y.zero ?? false };
  const xAxis = { ...X_AXIS, tickMinStep: values.every(({ x }) => Number.isInteger(x)) ? 1 : 0 };
  const xScale = x.log ? { type: "log", nice: false } : { zero: false, nice: false };
  const encoding = (field: string) => ({
    x: { field: "x", type: "quantitative", title: x.title, scale: xScale, axis: xAxis },
    y: { field, type: "quantitative", title: y.title, scale, axis: { grid: true } },
    color: colorByName(series.map(({ name }) => name), width),
  });
  const line = { type: "line", strokeWidth: 2.2, strokeCap: "round", strokeJoin: "round" };
  const curves = smooth === undefined ? [{ mark: line, encoding: encoding("y") }] : [
    { mark: { ...line, strokeWidth: 1, opacity: 0.3 }, encoding: encoding("y") },
    { transform: [rollingMean(smooth)], mark: line, encoding: encoding("mean") },
  ];
  return {
    width,
    height,
    padding: 14,
    background: "white",
    title: subtitle === undefined ? title : { text: title, subtitle },
    data: { values },
    layer: [...curves, ...references.flatMap((reference) => referenceLayers(reference, scale))],
    config: THEME,
  } as TopLevelSpec;
}

function rollingMean(points: number) {
  const before = Math.floor(points / 2);
  return {
    window: [{ op: "mean", field: "y", as: "mean" }],
    frame: [-before, points - 1 - before],
    groupby: ["series"],
  };
}
