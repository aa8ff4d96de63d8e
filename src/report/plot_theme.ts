import type { TopLevelSpec } from "vega-lite";

/** A horizontal line to compare the curves with. */
export interface Reference {
  /** What it says, written above the line. */
  name: string;
  /** Its height, in the units of y. */
  value: number;
}

/** Okabe and Ito's colours without yellow, which readers with any colour vision can tell apart. */
export const COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"];

const INK = "#222";
const GREY = "#666";
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
/** How all plots look. */
export const THEME = {
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

/** Colours by series, with a legend above the plot where there are several; `width` in pixels decides its columns. */
export function colorByName(names: string[], width: number) {
  const longest = Math.max(...names.map((name) => name.length));
  const columns = Math.max(1, Math.floor(width / (longest * LEGEND_LETTER + LEGEND_SYMBOL)));
  return {
    field: "series",
    type: "nominal",
    title: null,
    sort: null,
    scale: { domain: names, range: COLORS },
    legend: names.length > 1 ? { ...LEGEND, columns } : null,
  };
}

/** A dashed line and its name, on the scale of the curves. */
export function referenceLayers({ name, value }: Reference, scale: Readonly<Record<string, unknown>>) {
  // A row of their own: on the curves' data they would be drawn once for every point.
  const data = { values: [{ name, value }] };
  const y = { field: "value", type: "quantitative", scale };
  return [
    { data, mark: RULE, encoding: { y } },
    { data, mark: RULE_TEXT, encoding: { y, text: { field: "name", type: "nominal" } } },
  ];
}

/**
 * A vega-lite plot as an SVG document. Needs no permission; the libraries, some 0.3 s, are loaded at the first call.
 */
export async function vegaSvg(spec: TopLevelSpec): Promise<string> {
  const [vega, vegaLite] = await Promise.all([import("vega"), import("vega-lite")]);
  const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
