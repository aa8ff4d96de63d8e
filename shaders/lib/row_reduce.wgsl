// Sum and maximum over the WG lanes of a workgroup (a power of two), known to all of them afterwards. The order of a sum
// is fixed. Both hold barriers: all lanes of the workgroup must call them.
var<workgroup> lane_values: array<vec4f, WG>;

fn sum_over_lanes(value: vec4f, lane: u32) -> vec4f {
  workgroupBarrier(); // the result before may still be read
  lane_values[lane] = value;
  workgroupBarrier();
  for (var other = WG / 2u; other > 0u; other /= 2u) {
    if (lane < other) { lane_values[lane] += lane_values[lane + other]; }
    workgroupBarrier();
  }
  return lane_values[0];
}

fn max_over_lanes(value: f32, lane: u32) -> f32 {
  workgroupBarrier();
  lane_values[lane] = vec4f(value);
  workgroupBarrier();
  for (var other = WG / 2u; other > 0u; other /= 2u) {
    if (lane < other) { lane_values[lane] = max(lane_values[lane], lane_values[lane + other]); }
    workgroupBarrier();
  }
  return lane_values[0].x;
}
