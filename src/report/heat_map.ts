import type { TopLevelSpec } from "vega-lite";
import { UserError } from "../error.ts";
import { THEME, vegaSvg } from "./plot_theme.ts";

/** What stands along a side of a heat map. */
export interface HeatMapAxis {
  readonly title: string;
  /** Of each column or row. */
  readonly names: readonly number[];
}

/** What {@link heatMapSvg} draws. */
export interface HeatMapOptions {
  readonly title: string;
  readonly subtitle?: string;
  /** A field by row and column; those that are not finite stay empty. */
  readonly values: readonly (readonly number[])[];
  /** The horizontal axis; none without it. */
  readonly x?: HeatMapAxis;
  readonly y?: HeatMapAxis;
  /** What the colours mean. */
  readonly legend: string;
  /** Values of the first and the last colour. */
  readonly domain: readonly [number, number];
  /** Decimals of the values written into the cells; none are written without it. */
  readonly decimals?: number;
  /** Pixels of a cell. */
  readonly cell: { readonly width: number; readonly height: number };
}

/**
 * Draws a field of numbers in the colours of viridis, the first row on top, as an SVG document. Needs no permission.
 *
 * @throws {UserError} where no value is finite.
 */
export async function heatMapSvg(options: HeatMapOptions): Promise<string> {
  const { title, subtitle, values, x, y, legend, domain, decimals, cell } = options;
  const rows = values.flatMap((line, row) => line.map((value, column) => ({ row, column, value })))
    .filter(({ value }) => Number.isFinite(value));
  if (rows.length === 0) throw new UserError(`Cannot plot "${title}": no value is finite`);
  const columns = Math.max(...values.map(({ length }) => length));
  const axis = (described: HeatMapAxis | undefined, count: number) => ({
    type: "ordinal",
    title: described?.title ?? null,
    scale: { domain: Array.from({ length: count }, (_, i) => i), paddingInner: 0.04, paddingOuter: 0 },
    axis: described
      ? {
        // The place is the cell's number, so that equal names stay two; an expression looks its name up.
        labelExpr: `${JSON.stringify(described.names)}[datum.value]`,
        labelAngle: 0,
        labelOverlap: true,
        ticks: false,
        domain: false,
        labelPadding: 6,
      }
      : null,
  });
  const place = {
    x: { field: "column", ...axis(x, columns) },
    y: { field: "row", ...axis(y, values.length) },
  };
  const ramp = { orient: "right", gradientLength: Math.min(160, values.length * cell.height), gradientThickness: 12 };
  const color = {
    field: "value",
    type: "quantitative",
    title: legend,
    scale: { scheme: "viridis", domain, clamp: true },
    legend: { ...ramp, titleFontWeight: "normal", titleFontSize: 12, labelFontSize: 11, tickCount: 3, titleLimit: 0 },
  };
  const middle = (domain[0] + domain[1]) / 2 + (domain[1] - domain[0]) * 0.1;
  const text = {
    ...place,
    text: { field: "value", format: `.${decimals}f` },
    color: { condition: { test: `datum.value < ${middle}`, value: "#fff" }, value: "#111" },
  };
  const spec = {
    width: columns * cell.width,
    height: values.length * cell.height,
    padding: 14,
    background: "white",
    title: subtitle === undefined ? title : { text: title, subtitle },
    data: { values: rows },
    layer: [
      { mark: { type: "rect" }, encoding: { ...place, color } },
      ...(decimals === undefined ? [] : [{ mark: { type: "text", fontSize: 11 }, encoding: text }]),
    ],
    config: THEME,
  };
  return await vegaSvg(spec as unknown as TopLevelSpec);
}
