import { quantile } from "../tensor/quantile.ts";
import type { ArpgPainter, PaintSettings, PolicySettings } from "./arpg_painter.ts";
import type { LabelledImages } from "./diversity.ts";
import { balancedLabels } from "./paint_digits.ts";

/** What a method painted with one seed. */
export interface MethodPictures extends LabelledImages {
  /** `[N, cells]`: the step in which a cell was painted. */
  readonly painted: Int32Array;
  /** Milliseconds a picture takes, tokens and pixels. */
  readonly milliseconds: number;
}

/** Paints `count` pictures, the same number of each class. */
export async function paintPictures(
  painter: ArpgPainter,
  settings: PaintSettings | PolicySettings,
  count: number,
  onProgress?: (done: number) => void,
): Promise<MethodPictures> {
  const { classes } = painter.model.config;
  const labels = balancedLabels(count, [...Array(classes).keys()]);
  return { ...await paintTimed(painter, settings, labels, onProgress), labels };
}

/** Paints a picture for every label, and takes the time. */
export async function paintTimed(
  painter: ArpgPainter,
  settings: PaintSettings | PolicySettings,
  labels: ArrayLike<number>,
  onProgress?: (done: number) => void,
): Promise<Omit<MethodPictures, "labels">> {
  const batches: { readonly size: number; readonly milliseconds: number }[] = [];
  let before = 0, since = performance.now();
  const { images, painted } = await painter.paint(labels, settings, {
    onProgress: (done) => {
      const now = performance.now();
      batches.push({ size: done - before, milliseconds: (now - since) / (done - before) });
      [before, since] = [done, now];
      onProgress?.(done);
    },
  });
  return { images, painted, milliseconds: typicalTime(batches) };
}

/** The median over whole batches; the first records the decoder, so it counts only where there is no other. */
export function typicalTime(batches: readonly { readonly size: number; readonly milliseconds: number }[]): number {
  const warm = batches.slice(1).filter(({ size }) => size === batches[0]!.size);
  const times = (warm.length ? warm : batches).map(({ milliseconds }) => milliseconds);
  return quantile(Float64Array.from(times).sort(), 0.5);
}

/** Steps of every picture, `[N]`. */
export function stepCounts(painted: Int32Array, cells: number): number[] {
  return Array.from({ length: painted.length / cells }, (_, n) => {
    return 1 + Math.max(...painted.subarray(n * cells, (n + 1) * cells));
  });
}
