// the rule and the prior of the degree for paintings under way, and the decision that was drawn for them
// tables: [rows, D], row base_b + step (N + 1) + remaining_b; base_b says which target steps painting b has
//   look_up: valid[b, d], prior[b, d] = the tables' row, all of it not valid where nothing remains;
//     progress[b] = (step / T_max, target_b / T_max)
//   cut: picks[b, i] = drawn[b, i] where i is below the degree that was chosen and something remains, else -1;
//     pick_mask[b, i] and degree_mask[b] = 1 for what was decided, else 0
// one lane per element of [B, D] or [B, K]; cost: 16 bytes an element
override WG: u32 = 64;
struct Params { batch: u32, cols: u32, cells: u32, step: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> remaining: array<i32>;
@group(0) @binding(1) var<storage, read> base: array<i32>;
@group(0) @binding(2) var<storage, read> targets: array<f32>;
@group(0) @binding(3) var<storage, read> valid_table: array<i32>;
@group(0) @binding(4) var<storage, read> prior_table: array<f32>;
@group(0) @binding(5) var<storage, read_write> valid: array<i32>;
@group(0) @binding(6) var<storage, read_write> prior: array<f32>;
@group(0) @binding(7) var<storage, read_write> progress: array<vec2f>;

@group(0) @binding(1) var<storage, read> degrees: array<i32>;
@group(0) @binding(2) var<storage, read> degree: array<i32>;
@group(0) @binding(3) var<storage, read> drawn: array<i32>;
@group(0) @binding(4) var<storage, read_write> picks: array<i32>;
@group(0) @binding(5) var<storage, read_write> pick_mask: array<f32>;
@group(0) @binding(6) var<storage, read_write> degree_mask: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn look_up(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let at = id.y * groups.x * WG + id.x;
  if (at >= params.batch * params.cols) { return; }
  let b = at / params.cols;
  let d = at % params.cols;
  let left = u32(remaining[b]);
  let row = u32(base[b]) + params.step * (params.cells + 1u) + left;
  valid[at] = select(0, valid_table[row * params.cols + d], left > 0u);
  prior[at] = prior_table[row * params.cols + d];
  if (d == 0u) { progress[b] = params.scale * vec2f(f32(params.step), targets[b]); }
}

@compute @workgroup_size(WG)
fn cut(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let at = id.y * groups.x * WG + id.x;
  if (at >= params.batch * params.cols) { return; }
  let b = at / params.cols;
  let chosen = i32(at % params.cols) < degrees[u32(degree[b])] && remaining[b] > 0;
  picks[at] = select(-1, drawn[at], chosen);
  pick_mask[at] = select(0.0, 1.0, chosen);
  if (at % params.cols == 0u) { degree_mask[b] = select(0.0, 1.0, remaining[b] > 0); }
}
