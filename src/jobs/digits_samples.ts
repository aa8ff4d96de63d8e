import type { PaintedDigits } from "../eval/paint_digits.ts";
import { writeNpz } from "../io/npz.ts";
import { digitSize } from "./digits_data.ts";

/** Writes painted digits as `.npz`: `arr_0` uint8 `[N, 8, 8, 1]` and `labels` int64 `[N]`. */
export async function writeSamples(path: string, { images, labels }: PaintedDigits): Promise<void> {
  const count = labels.length;
  await writeNpz(path, {
    arr_0: { dtype: "uint8", shape: [count, digitSize, digitSize, 1], data: images },
    labels: { dtype: "int64", shape: [count], data: Int32Array.from(labels) },
  });
}
