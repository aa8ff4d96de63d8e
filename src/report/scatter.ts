import type { TopLevelSpec } from "vega-lite";
import { UserError } from "../error.ts";
import { colorByName, THEME, vegaSvg } from "./plot_theme.ts";

/** A measured point. */
export interface ScatterPoint {
  readonly x: number;
  readonly y: number;
  /** Ends of the interval of y, drawn as an error bar. */
  readonly low: number;
  readonly high: number;
}

/** Points of one colour. */
export interface ScatterSeries {
  /** Its name in the legend. */
  readonly name: string;
  /** Those that count, joined by a line in this order, with error bars. */
  readonly points: readonly ScatterPoint[];
  /** The others: pale and without bars. */
  readonly others?: readonly ScatterPoint[];
}

/** What {@link scatterSvg} draws. */
export interface ScatterOptions {
  readonly title: string;
  /** The horizontal axis; ticks stand at `ticks` where given. */
  readonly x: { readonly title: string; readonly ticks?: readonly number[] };
  readonly y: { readonly title: string };
  /** In the order of the legend; the first is drawn on top. */
  readonly series: readonly ScatterSeries[];
  /** Pixels between the axes. Default 660 by 330. */
  readonly width?: number;
  readonly height?: number;
}

/** Pixels of a legend entry on one row: a letter, and the symbol with its gaps. */
const letter = 7.5, symbol = 60;

/**
 * Draws measured points with error bars as an SVG document, both axes by factors. The vertical axis holds the points that
 * count with their bars; others are left out where they lie beyond. Needs no permission.
 *
 * @throws {UserError} where no point counts, or one is not positive and finite.
 */
export async function scatterSvg(options: ScatterOptions): Promise<string> {
  const { title, x, y, series, width = 660, height = 330 } = options;
  const all = series.flatMap(({ points }) => points);
  const wrong = all.find((point) => ![point.x, point.y, point.low, point.high].every((v) => v > 0 && v < Infinity));
  if (all.length === 0 || wrong) {
    const got = wrong ? `x ${wrong.x}, y ${wrong.y} from ${wrong.low} to ${wrong.high}` : "none";
    throw new UserError(`Cannot plot "${title}": wanted points of positive finite numbers, got ${got}`);
  }
  const domain = [Math.min(...all.map(({ low }) => low)) / 1.04, Math.max(...all.map(({ high }) => high)) * 1.04];
  const within = (point: ScatterPoint) => point.x > 0 && point.y >= domain[0]! && point.y <= domain[1]!;
  // The first series comes last, on top.
  const rows = series.toReversed().flatMap(({ name, points, others = [] }) => [
    ...others.filter(within).map((point) => ({ ...point, series: name, counts: false })),
    ...points.map((point) => ({ ...point, series: name, counts: true })),
  ]);
  const axis = { grid: false, labelFlush: false, ...(x.ticks ? { values: x.ticks } : { tickCount: 6 }) };
  const [xScale, yScale] = [{ type: "log", nice: false, padding: 14 }, { type: "log", domain }];
  const colors = colorByName(series.map(({ name }) => name), width);
  const inRow = series.reduce((sum, { name }) => sum + name.length * letter + symbol, 0) <= width;
  const encoding = {
    x: { field: "x", type: "quantitative", title: x.title, scale: xScale, axis },
    y: { field: "y", type: "quantitative", title: y.title, scale: yScale, axis: { grid: true, tickCount: 6 } },
    color: inRow && colors.legend ? { ...colors, legend: { ...colors.legend, columns: series.length } } : colors,
  };
  const of = (counts: boolean) => [{ filter: `datum.counts === ${counts}` }];
  const bar = { ...encoding, y: { ...encoding.y, field: "low" }, y2: { field: "high" } };
  const spec = {
    width,
    height,
    padding: 14,
    background: "white",
    title,
    data: { values: rows },
    layer: [
      { transform: of(false), mark: { type: "point", filled: true, size: 26, opacity: 0.3 }, encoding },
      { transform: of(true), mark: { type: "line", strokeWidth: 1.4, opacity: 0.55 }, encoding },
      { transform: of(true), mark: { type: "rule", strokeWidth: 2 }, encoding: bar },
      { transform: of(true), mark: { type: "point", filled: true, size: 48, opacity: 1 }, encoding },
    ],
    config: THEME,
  };
  return await vegaSvg(spec as TopLevelSpec);
}
