import type { HostTensor } from "../../src/tensor/host_tensor.ts";
import { seededRandom } from "../support/random.ts";
import { Ref } from "../support/ref.ts";

type Weights = ReadonlyMap<string, HostTensor<Float32Array>>;

/** Random weights of these shapes under which activations keep their scale from layer to layer. */
export function randomInceptionWeights(
  shapes: ReadonlyMap<string, readonly number[]>,
): Map<string, HostTensor<Float32Array>> {
  const random = seededRandom(5);
  return new Map([...shapes].map(([name, shape]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const bound = shape.length > 1 ? Math.sqrt(6 * shape[0]! / size) : 0.2;
    const centre = /running_var|bn\.weight/.test(name) ? 1 : 0;
    return [name, { shape, data: Float32Array.from({ length: size }, () => centre + bound * (2 * random() - 1)) }];
  }));
}

interface Window {
  readonly stride?: number;
  readonly padding?: readonly [number, number];
}

/** Features `[2048]` of one picture `[3, H, W]` in float64, after torchvision's and pytorch-fid's `inception.py`. */
export function referenceFeatures(w: Weights, picture: Ref): Float64Array {
  const basic = (name: string, x: Ref, window: Window = {}) => basicConvolution(w, name, x, window);
  const [rows, columns] = [{ padding: [0, 3] }, { padding: [3, 0] }] as const;
  const one = { padding: [1, 1] } as const, two = { padding: [2, 2] } as const;
  const a = (n: string, x: Ref) =>
    join(
      basic(`${n}.branch1x1`, x),
      basic(`${n}.branch5x5_2`, basic(`${n}.branch5x5_1`, x), two),
      basic(`${n}.branch3x3dbl_3`, basic(`${n}.branch3x3dbl_2`, basic(`${n}.branch3x3dbl_1`, x), one), one),
      basic(`${n}.branch_pool`, pool(x, 1, 1, "average")),
    );
  const b = (n: string, x: Ref) =>
    join(
      basic(`${n}.branch3x3`, x, { stride: 2 }),
      basic(`${n}.branch3x3dbl_3`, basic(`${n}.branch3x3dbl_2`, basic(`${n}.branch3x3dbl_1`, x), one), { stride: 2 }),
      pool(x, 2, 0, "maximum"),
    );
  const c = (n: string, x: Ref) => {
    const seven = basic(`${n}.branch7x7_3`, basic(`${n}.branch7x7_2`, basic(`${n}.branch7x7_1`, x), rows), columns);
    let double = basic(`${n}.branch7x7dbl_2`, basic(`${n}.branch7x7dbl_1`, x), columns);
    double = basic(`${n}.branch7x7dbl_4`, basic(`${n}.branch7x7dbl_3`, double, rows), columns);
    double = basic(`${n}.branch7x7dbl_5`, double, rows);
    const pooled = basic(`${n}.branch_pool`, pool(x, 1, 1, "average"));
    return join(basic(`${n}.branch1x1`, x), seven, double, pooled);
  };
  const d = (n: string, x: Ref) => {
    const seven = basic(
      `${n}.branch7x7x3_3`,
      basic(`${n}.branch7x7x3_2`, basic(`${n}.branch7x7x3_1`, x), rows),
      columns,
    );
    return join(
      basic(`${n}.branch3x3_2`, basic(`${n}.branch3x3_1`, x), { stride: 2 }),
      basic(`${n}.branch7x7x3_4`, seven, { stride: 2 }),
      pool(x, 2, 0, "maximum"),
    );
  };
  const e = (n: string, x: Ref, kind: "average" | "maximum") => {
    const three = basic(`${n}.branch3x3_1`, x);
    const double = basic(`${n}.branch3x3dbl_2`, basic(`${n}.branch3x3dbl_1`, x), one);
    return join(
      basic(`${n}.branch1x1`, x),
      basic(`${n}.branch3x3_2a`, three, { padding: [0, 1] }),
      basic(`${n}.branch3x3_2b`, three, { padding: [1, 0] }),
      basic(`${n}.branch3x3dbl_3a`, double, { padding: [0, 1] }),
      basic(`${n}.branch3x3dbl_3b`, double, { padding: [1, 0] }),
      basic(`${n}.branch_pool`, pool(x, 1, 1, kind)),
    );
  };
  let x = basic("Conv2d_1a_3x3", picture, { stride: 2 });
  x = basic("Conv2d_2b_3x3", basic("Conv2d_2a_3x3", x), one);
  x = basic("Conv2d_4a_3x3", basic("Conv2d_3b_1x1", pool(x, 2, 0, "maximum")));
  x = pool(x, 2, 0, "maximum");
  for (const name of ["Mixed_5b", "Mixed_5c", "Mixed_5d"]) x = a(name, x);
  x = b("Mixed_6a", x);
  for (const name of ["Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"]) x = c(name, x);
  x = e("Mixed_7c", e("Mixed_7b", d("Mixed_7a", x), "average"), "maximum");
  const plane = x.shape[1]! * x.shape[2]!;
  return Float64Array.from({ length: 2048 }, (_, f) => mean(x.data.subarray(f * plane, (f + 1) * plane)));
}

const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Convolution without bias, batch norm with epsilon 0.001, ReLU; `[C, H, W]`. */
function basicConvolution(
  w: Weights,
  name: string,
  x: Ref,
  { stride = 1, padding: [top, left] = [0, 0] }: Window,
): Ref {
  const { shape, data: weight } = w.get(`${name}.conv.weight`)!;
  const [scale, shift, middle, spread] = ["weight", "bias", "running_mean", "running_var"].map((part) =>
    w.get(`${name}.bn.${part}`)!.data
  ) as [Float32Array, Float32Array, Float32Array, Float32Array];
  const [outputs, inputs, kh, kw] = shape as [number, number, number, number];
  const [, h, width] = x.shape as [number, number, number];
  const yh = Math.floor((h + 2 * top - kh) / stride) + 1, yw = Math.floor((width + 2 * left - kw) / stride) + 1;
  const y = new Ref([outputs, yh, yw]);
  for (let o = 0; o < outputs; o++) {
    const plane = y.data.subarray(o * yh * yw, (o + 1) * yh * yw);
    for (let c = 0; c < inputs; c++) {
      for (let k = 0; k < kh; k++) {
        for (let l = 0; l < kw; l++) {
          const factor = weight[((o * inputs + c) * kh + k) * kw + l]!;
          for (let i = 0; i < yh; i++) {
            const p = i * stride + k - top;
            if (p < 0 || p >= h) continue;
            for (let j = 0; j < yw; j++) {
              const q = j * stride + l - left;
              if (q >= 0 && q < width) plane[i * yw + j]! += factor * x.data[(c * h + p) * width + q]!;
            }
          }
        }
      }
    }
    const norm = (value: number) => (value - middle[o]!) / Math.sqrt(spread[o]! + 0.001) * scale[o]! + shift[o]!;
    plane.forEach((value, at) => plane[at] = Math.max(0, norm(value)));
  }
  return y;
}

/** Windows of 3x3; only pixels of the image count. */
function pool(x: Ref, stride: number, padding: number, kind: "average" | "maximum"): Ref {
  const [channels, h, w] = x.shape as [number, number, number];
  const along = (size: number) => Math.floor((size + 2 * padding - 3) / stride) + 1;
  return Ref.from([channels, along(h), along(w)], ([c, i, j]) => {
    const inside: number[] = [];
    for (let p = i! * stride - padding; p < i! * stride - padding + 3; p++) {
      for (let q = j! * stride - padding; q < j! * stride - padding + 3; q++) {
        if (p >= 0 && p < h && q >= 0 && q < w) inside.push(x.at(c!, p, q));
      }
    }
    return kind === "maximum" ? Math.max(...inside) : inside.reduce((sum, value) => sum + value, 0) / inside.length;
  });
}

function join(...branches: Ref[]): Ref {
  const [, h, w] = branches[0]!.shape;
  const data = branches.flatMap((branch) => [...branch.data]);
  return new Ref([data.length / (h! * w!), h!, w!], data);
}
