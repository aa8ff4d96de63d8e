import { type Html, markup } from "./html_template.ts";
import type { Estimate } from "./run_record.ts";

/** Three digits that count, without an exponent where that is short: 862, 41.6, 0.94, 0.00123; a dash for no number. */
export function digits3(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e6 || (size > 0 && size < 1e-4)) return signed(value.toExponential(1));
  const decimals = size === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(size)));
  return signed(value.toFixed(decimals));
}

/** At most three digits that count, and no zeros behind them: 8, 7.84, 1.5. */
export function short(value: number): string {
  return Number.isFinite(value) ? signed(String(Number(value.toPrecision(3)))) : "–";
}

/** `96.3 %` of 0.963. */
export function percent(share: number, decimals = 1): string {
  return Number.isFinite(share) ? `${signed((100 * share).toFixed(decimals))} %` : "–";
}

/** `2,000`. */
export function counted(value: number): string {
  return value.toLocaleString("en-US");
}

/** The value of an estimate and its interval, both as `show` writes them. */
export function withInterval({ value, low, high }: Estimate, show: (value: number) => string): Html {
  return markup`${show(value)} <span class="interval">${show(low).replace(" %", "")}–${show(high)}</span>`;
}

/** `13 % lower`: a value against another. */
export function changeInWords(ours: number, theirs: number): string {
  const change = ours / theirs - 1;
  if (!Number.isFinite(change)) return "not comparable";
  const size = percent(Math.abs(change), Math.abs(change) < 0.0995 ? 1 : 0);
  return size === "0.0 %" ? "equal" : `${size} ${change < 0 ? "lower" : "higher"}`;
}

/** `1 seed`, `2,000 pictures`. */
export function several(count: number, thing: string): string {
  return `${counted(count)} ${thing}${count === 1 ? "" : "s"}`;
}

/** A minus as typographers set it. */
function signed(text: string): string {
  return text.replace("-", "−");
}
