// y_row = the first c for which x[row, c] is largest; the first NaN where the row holds one
// x: [rows, cols]; y, partial results: [rows, parts]; one lane per row and part of at most 1024 candidates; further
// levels choose among the parts, so that no lane exceeds the iterations that software adapters run
// cost: 1 FLOP and 4 bytes an element; bound by memory
//@include grid
override WG: u32 = 64;
override LEVEL: u32 = 0; // above 0, the candidates are those of the level before
struct Params { rows: u32, cols: u32, candidates: u32, part: u32, parts: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> earlier: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

fn is_nan(v: f32) -> bool { return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u; }

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flat_index(group, groups, lane, WG);
  if (i >= params.rows * params.parts) { return; }
  let row = i / params.parts;
  let start = (i - row * params.parts) * params.part;
  let end = min(start + params.part, params.candidates);
  var best = 0.0;
  var best_at = 0u;
  for (var candidate = start; candidate < end; candidate++) {
    var c = candidate;
    if (LEVEL > 0u) { c = earlier[row * params.candidates + candidate]; }
    let v = x[row * params.cols + c];
    if (candidate == start || ((v > best || is_nan(v)) && !is_nan(best))) {
      best = v;
      best_at = c;
    }
  }
  y[i] = best_at;
}
