// Maximum m of a row of x and sum of exp(x - m) over a workgroup of WG lanes, in one pass: each lane rescales its sum
// where its own maximum grows. Includers declare x, WG and LOWEST, and include row_reduce.
fn row_exponentials(base: u32, cols: u32, lane: u32) -> vec2f {
  var peak = LOWEST;
  var sum = 0.0;
  for (var i = lane; i < cols; i += WG) {
    let v = x[base + i];
    let higher = max(peak, v);
    sum = sum * exp(peak - higher) + exp(v - higher);
    peak = higher;
  }
  let m = max_over_lanes(peak, lane);
  return vec2f(m, sum_over_lanes(vec4f(sum * exp(peak - m)), lane).x);
}
