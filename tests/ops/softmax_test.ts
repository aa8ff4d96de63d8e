import { softmaxOp } from "../../src/ops/softmax.ts";
import { checkOp } from "../support/check_op.ts";

checkOp(softmaxOp, {
  reference: {
    forward: ([x]) =>
      x!.mapRows((row) => {
        const m = Math.max(...row), e = row.map((v) => Math.exp(v - m)), s = e.reduce((a, b) => a + b, 0);
        return e.map((v) => v / s);
      }),
    backward: (_inputs, [y], [dy]) => [
      y!.zipRows(dy!, (yr, dr) => {
        const dot = yr.reduce((a, v, i) => a + v * dr[i]!, 0);
        return yr.map((v, i) => v * (dr[i]! - dot));
      }),
    ],
  },
  cases: [
    { shapes: [[1, 1]] },
    { shapes: [[3, 7]] },
    { shapes: [[5, 64]] },
    { shapes: [[4, 257]] },
    { shapes: [[2, 4096]] },
    { shapes: [[2, 3, 5]] },
    { shapes: [[2, 3]], values: [[0, -1e30, 80, 500, 500, 500]], note: "extremes" },
  ],
});
