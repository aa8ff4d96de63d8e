// The cell of an LSTM in vectors, forward and backward; see lstm.wgsl for the formulas
fn sigmoid4(x: vec4f) -> vec4f { return 1.0 / (1.0 + exp(-x)); }

// 1 - 2 / (e^2x + 1), and x - x^3/3 + 2x^5/15 near zero, where the difference would cancel
fn tanh4(x: vec4f) -> vec4f {
  let far = 1.0 - 2.0 / (1.0 + exp(2.0 * clamp(x, vec4f(-15.0), vec4f(15.0))));
  let s = x * x;
  let near = x * (1.0 - s * (0.33333334 - s * (0.13333334 - s * 0.053968254)));
  return select(far, near, abs(x) < vec4f(0.1));
}

// Gradients of the cell in vectors: dz of the four gates, and dc for the step before
struct CellGrad { i: vec4f, f: vec4f, g: vec4f, o: vec4f, c: vec4f }

fn cell_backward(dh: vec4f, dc_next: vec4f, c: vec4f, c_before: vec4f, i: vec4f, f: vec4f, g: vec4f, o: vec4f) -> CellGrad {
  let tc = tanh4(c);
  let dc = dc_next + dh * o * (1.0 - tc * tc);
  return CellGrad(dc * g * i * (1.0 - i), dc * c_before * f * (1.0 - f), dc * i * (1.0 - g * g), dh * tc * o * (1.0 - o), dc * f);
}
