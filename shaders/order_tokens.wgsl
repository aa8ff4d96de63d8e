// the sequence of a generator that paints cells in any order (ARPG, arXiv 2503.10568, section 3): position i paints cell
// order_i and has read everything painted before
// content_0 = the class, content_i = tokens[order_(i-1)]; cell_0 = -1, cell_i = order_(i-1); target_i = tokens[order_i]
// tokens, order, content, cells, targets, steps, content_steps: [B, N]; classes: [B]; class c has the id class_base + c, and c < 0 (no class)
// the id no_class
// seen_from, the step from which a content is seen: content_steps_0 = 0, content_steps_i = steps_(i-1) + 1
// one lane per position
// cost: 20 bytes a position
//@include grid
override WG: u32 = 64;
struct Params { n: u32, length: u32, class_base: i32, no_class: i32 }

@group(0) @binding(0) var<storage, read> tokens: array<i32>;
@group(0) @binding(1) var<storage, read> order: array<i32>;
@group(0) @binding(2) var<storage, read> classes: array<i32>;
@group(0) @binding(3) var<storage, read_write> content: array<i32>;
@group(0) @binding(4) var<storage, read_write> cells: array<i32>;
@group(0) @binding(5) var<storage, read_write> targets: array<i32>;

@group(0) @binding(0) var<storage, read> steps: array<i32>;
@group(0) @binding(1) var<storage, read_write> content_steps: array<i32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = flat_index(group, groups, lane, WG);
  if (at >= params.n) { return; }
  let sample = at / params.length;
  let first = sample * params.length;
  targets[at] = tokens[first + u32(order[at])];
  if (at == first) {
    let class_id = classes[sample];
    content[at] = select(params.class_base + class_id, params.no_class, class_id < 0);
    cells[at] = -1;
  } else {
    let before = order[at - 1u];
    content[at] = tokens[first + u32(before)];
    cells[at] = before;
  }
}

@compute @workgroup_size(WG)
fn seen_from(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = flat_index(group, groups, lane, WG);
  if (at >= params.n) { return; }
  if (at % params.length == 0u) {
    content_steps[at] = 0;
  } else {
    content_steps[at] = steps[at - 1u] + 1;
  }
}
