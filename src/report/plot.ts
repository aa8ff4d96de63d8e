import type { TopLevelSpec } from "vega-lite";
import { UserError } from "../error.ts";

/** One curve. */
export interface Series {
  /** Its name in the legend. */
  name: string;
  /** `[x, y]` by rising x. Where y is not finite the curve has a gap. */
  points: readonly (readonly [x: number, y: number])[];
}

/** A horizontal line to compare the curves with. */
export interface Reference {
  /** What it says, written above the line. */
  name: string;
  /** Its height, in the units of y. */
  value: number;
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
}

/** Okabe and Ito's colours without yellow, which readers with any colour vision can tell apart. */
const COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"];

const INK = "#222";
const GREY = "#666";
const WIDTH = 660;
const X_AXIS = { grid: false, tickCount: 8, labelFlush: false };
const RULE = { type: "rule", color: GREY, strokeDash: [5, 4], strokeWidth: 1.2 };
const RULE_TEXT = { type: "text", color: GREY, align: "right", x: "width", dx: -4, dy: -8, fontSize: 12 };
const LEGEND = {
  orient: "top",
  symbolType: "stroke",
  symbolOpacity: 1,
  symbolStrokeWidth: 3,
  symbolSize: 400,
  labelFontSize: 13,
  labelColor: INK,
  labelLimit: 0,
  columnPadding: 24,
};
/** Pixels of a legend entry: what vega sets aside for a letter, and for the symbol with its gaps. */
const LEGEND_LETTER = 10.4;
const LEGEND_SYMBOL = 52;
const THEME = {
  font: "DejaVu Sans, sans-serif",
  title: {
    fontSize: 17,
    anchor: "start",
    frame: "group",
    offset: 12,
    color: INK,
    subtitleFontSize: 13,
    subtitleColor: GREY,
    subtitlePadding: 6,
  },
  axis: {
    labelFontSize: 12,
    titleFontSize: 13,
    titleFontWeight: "normal",
    titlePadding: 10,
    labelColor: INK,
    titleColor: INK,
    gridColor: "#e6e6e6",
    domainColor: "#999",
    tickColor: "#999",
  },
  view: { stroke: null },
};

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
  const spec = curvesSpec(options);
  const [vega, vegaLite] = await Promise.all([import("vega"), import("vega-lite")]);
  const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

function curvesSpec({ title, subtitle, x, y, series, smooth, references = [] }: CurvesOptions): TopLevelSpec {
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
    color: colorByName(series.map(({ name }) => name)),
  });
  const line = { type: "line", strokeWidth: 2.2, strokeCap: "round", strokeJoin: "round" };
  const curves = smooth === undefined ? [{ mark: line, encoding: encoding("y") }] : [
    { mark: { ...line, strokeWidth: 1, opacity: 0.3 }, encoding: encoding("y") },
    { transform: [rollingMean(smooth)], mark: line, encoding: encoding("mean") },
  ];
  return {
    width: WIDTH,
    height: 330,
    padding: 14,
    background: "white",
    title: subtitle === undefined ? title : { text: title, subtitle },
    data: { values },
    layer: [...curves, ...references.flatMap((reference) => referenceLayers(reference, scale))],
    config: THEME,
  } as TopLevelSpec;
}

function colorByName(names: string[]) {
  const longest = Math.max(...names.map((name) => name.length));
  const columns = Math.max(1, Math.floor(WIDTH / (longest * LEGEND_LETTER + LEGEND_SYMBOL)));
  return {
    field: "series",
    type: "nominal",
    title: null,
    sort: null,
    scale: { domain: names, range: COLORS },
    legend: names.length > 1 ? { ...LEGEND, columns } : null,
  };
}

function rollingMean(points: number) {
  const before = Math.floor(points / 2);
  return {
    window: [{ op: "mean", field: "y", as: "mean" }],
    frame: [-before, points - 1 - before],
    groupby: ["series"],
  };
}

function referenceLayers({ name, value }: Reference, scale: { zero: boolean }) {
  // A row of their own: on the curves' data they would be drawn once for every point.
  const data = { values: [{ name, value }] };
  const y = { field: "value", type: "quantitative", scale };
  return [
    { data, mark: RULE, encoding: { y } },
    { data, mark: RULE_TEXT, encoding: { y, text: { field: "name", type: "nominal" } } },
  ];
}
