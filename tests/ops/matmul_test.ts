import assert from "node:assert/strict";
import { type Epilogue, type Layout } from "../../src/ops/matmul_product.ts";
import { matmul, matmulOp } from "../../src/ops/matmul.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { checkOp, type OpSpecification } from "../support/check_op.ts";
import { deviceWith, testDevice } from "../support/device.ts";
import { Ref } from "../support/ref.ts";

/** a [B,M,K] and w [B or 1,K,N] whatever the layout. */
function operands(inputs: readonly Ref[], layout: Layout) {
  const [a, w] = inputs as [Ref, Ref];
  const [r, s] = a.shape.slice(-2) as [number, number];
  const [m, k] = layout === "tn" ? [s, r] : [r, s];
  const n = w.shape.at(layout === "nt" ? -2 : -1)!;
  const batch = a.data.length / (m * k), shared = w.data.length === k * n;
  const at = (b: number, i: number, l: number) => b * m * k + (layout === "tn" ? l * m + i : i * k + l);
  const wt = (b: number, l: number, j: number) => (shared ? 0 : b * k * n) + (layout === "nt" ? j * k + l : l * n + j);
  return { a, w, m, k, n, batch, at, wt };
}

const act: Record<Epilogue, (z: number) => number> = {
  none: (z) => z,
  relu: (z) => Math.max(z, 0),
  tanh: Math.tanh,
  sigmoid: (z) => 1 / (1 + Math.exp(-z)),
};
const derivative: Record<Epilogue, (y: number) => number> = {
  none: () => 1,
  relu: (y) => y > 0 ? 1 : 0,
  tanh: (y) => 1 - y * y,
  sigmoid: (y) => y * (1 - y),
};

const specification: Omit<OpSpecification<{ layout: Layout; epilogue: Epilogue }>, "cases"> = {
  tolerance: 2e-5, // sums of up to 512 products in float32
  reference: {
    forward(inputs, { layout, epilogue }) {
      const { a, w, m, k, n, batch, at, wt } = operands(inputs, layout);
      const out = new Ref([...a.shape.slice(0, -2), m, n]);
      for (let b = 0; b < batch; b++) {
        for (let i = 0; i < m; i++) {
          for (let j = 0; j < n; j++) {
            let sum = inputs[2]?.data[j] ?? 0;
            for (let l = 0; l < k; l++) sum += a.data[at(b, i, l)]! * w.data[wt(b, l, j)]!;
            out.data[(b * m + i) * n + j] = act[epilogue](sum);
          }
        }
      }
      return out;
    },
    backward(inputs, [y], [dy], { layout, epilogue }) {
      const { a, w, m, k, n, batch, at, wt } = operands(inputs, layout);
      const da = new Ref(a.shape), dw = new Ref(w.shape), dbias = new Ref([n]);
      for (let b = 0; b < batch; b++) {
        for (let i = 0; i < m; i++) {
          for (let j = 0; j < n; j++) {
            const c = (b * m + i) * n + j;
            const dz = dy!.data[c]! * derivative[epilogue](y!.data[c]!);
            dbias.data[j]! += dz;
            for (let l = 0; l < k; l++) {
              da.data[at(b, i, l)]! += dz * w.data[wt(b, l, j)]!;
              dw.data[wt(b, l, j)]! += dz * a.data[at(b, i, l)]!;
            }
          }
        }
      }
      return inputs[2] ? [da, dw, dbias] : [da, dw];
    },
  },
};

checkOp(matmulOp, {
  ...specification,
  cases: [
    { shapes: [[1, 1], [1, 1]], attributes: { layout: "nn", epilogue: "none" } },
    { shapes: [[3, 7], [7, 5], [5]], attributes: { layout: "nn", epilogue: "relu" } },
    { shapes: [[13, 17], [11, 17]], attributes: { layout: "nt", epilogue: "none" } },
    { shapes: [[17, 13], [17, 11]], attributes: { layout: "tn", epilogue: "none" } },
    { shapes: [[2, 3, 4, 5], [2, 3, 5, 6]], attributes: { layout: "nn", epilogue: "none" }, note: "batched" },
    { shapes: [[3, 5, 4], [7, 4], [7]], attributes: { layout: "nt", epilogue: "tanh" }, note: "shared w" },
    { shapes: [[50, 64], [64, 72], [72]], attributes: { layout: "nn", epilogue: "sigmoid" }, note: "tiles" },
    { shapes: [[50, 64], [72, 64], [72]], attributes: { layout: "nt", epilogue: "relu" }, note: "tiles" },
    { shapes: [[64, 52], [64, 72]], attributes: { layout: "tn", epilogue: "none" }, note: "tiles" },
    { shapes: [[3, 52, 64], [3, 100, 64]], attributes: { layout: "nt", epilogue: "none" }, note: "batched tiles" },
    { shapes: [[5, 512], [512, 68]], attributes: { layout: "nn", epilogue: "none" }, note: "few rows, tiles" },
  ],
});

for (const matmul of ["block64", "block128"] as const) {
  checkOp(matmulOp, {
    ...specification,
    table: { matmul },
    cases: [
      { shapes: [[1, 1], [1, 1]], attributes: { layout: "nn", epilogue: "none" } },
      { shapes: [[67, 19], [19, 71], [71]], attributes: { layout: "nn", epilogue: "relu" } },
      { shapes: [[67, 19], [71, 19], [71]], attributes: { layout: "nt", epilogue: "tanh" } },
      { shapes: [[19, 67], [19, 71]], attributes: { layout: "tn", epilogue: "sigmoid" } },
      { shapes: [[1, 128], [128, 64]], attributes: { layout: "nn", epilogue: "none" }, note: "a row" },
      { shapes: [[2, 3, 9, 33], [2, 3, 33, 65]], attributes: { layout: "nn", epilogue: "none" }, note: "batched" },
      { shapes: [[3, 9, 33], [65, 33]], attributes: { layout: "nt", epilogue: "none" }, note: "shared w" },
      { shapes: [[5, 1031], [1031, 7]], attributes: { layout: "nn", epilogue: "none" }, note: "sums in parts" },
      { shapes: [[2, 3, 517], [9, 517], [9]], attributes: { layout: "nt", epilogue: "tanh" }, note: "parts and bias" },
    ],
  });
}

for (const side of [64, 128] as const) {
  Deno.test(`matmul block${side}: many tiles of every layout`, async () => {
    const device = await deviceWith({ matmul: `block${side}` });
    using _scope = device.scope();
    const m = 11 * 128 + 3, n = 12 * 128 - 3, k = 5;
    /** A matrix whose rows (`down`) or columns count from 0: a tile in the wrong place cannot go unseen. */
    const counting = (rows: number, columns: number, down: boolean) => {
      const count = (_: unknown, at: number) => down ? Math.floor(at / columns) : at % columns;
      return device.tensor(Float32Array.from({ length: rows * columns }, count), [rows, columns]);
    };
    for (const layout of ["nn", "nt", "tn"] as const) {
      const a = layout === "tn" ? counting(k, m, false) : counting(m, k, true);
      const w = layout === "nt" ? counting(n, k, true) : counting(k, n, false);
      const c = await matmul(a, w, { layout }).data();
      assert.equal(c.findIndex((value, at) => value !== k * Math.floor(at / n) * (at % n)), -1, layout);
    }
  });
}

for (const [n, k] of [[3, 70_000], [4, 1_000_000]] as const) {
  Deno.test(`matmul sums ${k} products past the loop limit of software adapters`, async () => {
    // A million takes the barriers of a tile half a minute here.
    for (const table of k > 1e5 ? [{}] : [{}, { matmul: "block64" as const }, { matmul: "block128" as const }]) {
      const device = await deviceWith(table);
      using _scope = device.scope();
      // Ones times a constant: every partial sum is exact in float32.
      const c = matmul(device.full([1, k], 1), device.full([k, n], 0.5));
      assertAllClose(await c.data(), new Float32Array(n).fill(k / 2), 0);
      const t = matmul(device.full([n, k], 1), device.full([n, k], 0.5), { layout: "nt" });
      assertAllClose(await t.data(), new Float32Array(n * n).fill(k / 2), 0);
    }
  });
}

Deno.test("matmul of more rows than a grid dimension holds workgroups", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  for (const columns of [3, 4]) {
    const c = matmul(device.full([1_100_000, 1], 2), device.full([1, columns], 0.5));
    assert.ok((await c.data()).every((value) => value === 1));
  }
});

Deno.test("matmul names both shapes in its errors", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const make = (...shape: number[]) => device.zeros(shape);
  const message = (text: string) => ({ name: "RangeError", message: text });
  assert.throws(
    () => matmul(make(4, 8), make(7, 3)),
    message("Cannot multiply [4, 8] by [7, 3] (nn): inner sizes must match, got 8 and 7"),
  );
  assert.throws(
    () => matmul(make(4), make(4, 3)),
    message("Cannot multiply [4] by [4, 3] (nn): both operands must have at least 2 axes"),
  );
  assert.throws(
    () => matmul(make(2, 4, 8), make(3, 8, 3)),
    message("Cannot multiply [2, 4, 8] by [3, 8, 3] (nn): batch sizes must match, got 2 and 3"),
  );
  assert.throws(
    () => matmul(make(2, 8, 4), make(8, 3), { layout: "tn" }),
    message("Cannot multiply [2, 8, 4] by [8, 3] (tn): a shared second operand needs layout nn or nt"),
  );
  assert.throws(
    () => matmul(make(4, 8), make(8, 3), { bias: make(4) }),
    message("Cannot apply matmul: bias must have shape [3], got [4]"),
  );
});
