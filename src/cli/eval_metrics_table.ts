/** Metrics of one set of pictures. */
export interface SetMetrics {
  /** Path of the set. */
  readonly samples: string;
  /** Pictures or vectors in it. */
  readonly count: number;
  /** By their names in `imageMetrics`. */
  readonly values: Readonly<Record<string, number>>;
}

/** What `deno task eval --metrics` found. */
export interface MetricsResult {
  /** Weight file of the network, or that features were given. */
  readonly features: string;
  /** Null where nothing was compared; a count of null for statistics alone. */
  readonly reference: { readonly path: string; readonly count: number | null } | null;
  readonly sets: readonly SetMetrics[];
}

/** A result for the terminal: what looked at the pictures, then a line a metric and a column a set. */
export function metricsTable(
  { features, reference, sets }: MetricsResult,
  network: "inception" | "judge" | null,
): string {
  const titles: Readonly<Record<string, string>> = {
    fid: network === "inception" ? "FID" : "Frechet distance",
    inception_score: "Inception score",
    kid: network === "inception" ? "KID" : "kernel distance",
    precision: "precision",
    recall: "recall",
    density: "density",
    coverage: "coverage",
  };
  const names = Object.keys(titles).filter((name) => sets.some(({ values }) => name in values));
  const rows = [
    ["metric", ...sets.map(({ samples }) => samples)],
    ["count", ...sets.map(({ count }) => String(count))],
    ...names.map((name) => [titles[name]!, ...sets.map(({ values }) => shown(values, name))]),
  ];
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const lines = rows.map((row) =>
    row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join("  ")
  );
  const count = reference?.count ?? null;
  return [
    ...lines,
    ...(reference ? [`Reference: ${reference.path}${count === null ? ", statistics" : `, count ${count}`}`] : []),
    network === "judge"
      ? `Features: the digits judge ${features}, not Inception: compare with no published number`
      : network === "inception"
      ? `Features: Inception-v3 of ${features}`
      : "Features: as the files hold them",
  ].join("\n");
}

function shown(values: Readonly<Record<string, number>>, name: string): string {
  const short = (value: number) => String(Number(value.toPrecision(6)));
  const deviation = values[`${name}_deviation`];
  const value = values[name];
  if (value === undefined) return "";
  return deviation ? `${short(value)} +- ${String(Number(deviation.toPrecision(2)))}` : short(value);
}
