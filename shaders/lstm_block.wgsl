// One time step of one LSTM layer for GPUs, with the formulas, operands and names of lstm.wgsl
// xg, gates, dz: [B,T,4H]; y, cs, dy, before: [B,T,H]; w_hh: [4H,H]; h, c, dc: [B,H]
// block_step, block_backward_step: a workgroup of 256 owns 16 rows of the batch x 16 hidden units, a lane one of them;
//   operands come 16 at a time through workgroup memory (5 KiB), rows of 17 against bank conflicts; any size
// cost a step: 8 B H^2 FLOP forward, as much backward; bytes: B H^2 / 2 of tiles, which caches serve, and 60 B H. At
//   B = 64, H = 128 8.4 MFLOP and 1 MB. Not measured on a GPU; on llvmpipe barriers are ruinous
//@include lstm_cell
//@include lstm_store
override SAVE: u32 = 1; // keep gates and hidden states for backward
struct Params { b: u32, t: u32, steps: u32, h: u32 }

@group(0) @binding(0) var<storage, read> xg: array<f32>;
@group(0) @binding(1) var<storage, read> w_hh: array<f32>;
@group(0) @binding(2) var<storage, read> h_in: array<f32>;
@group(0) @binding(3) var<storage, read> c_in: array<f32>;
@group(0) @binding(4) var<storage, read_write> h_out: array<f32>;
@group(0) @binding(5) var<storage, read_write> c_out: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<f32>;
@group(0) @binding(7) var<storage, read_write> gates: array<f32>;
@group(0) @binding(8) var<storage, read_write> cs: array<f32>;
@group(0) @binding(9) var<storage, read_write> before: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> rows: array<f32, 272>;
var<workgroup> weights: array<vec4f, 272>; // the four gates

@compute @workgroup_size(256)
fn block_step(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let H = params.h;
  let column = lane % 16u;
  let line = lane / 16u;
  let unit = group.x * 16u + column;
  let b = group.y * 16u + line;
  let loads_row = min(b, params.b - 1u) * H;
  let loads_unit = min(group.x * 16u + line, H - 1u) * H;
  var z = vec4f();
  for (var start = 0u; start < H; start += 16u) {
    let k = start + column;
    let inside = k < H;
    let at = min(k, H - 1u);
    rows[line * 17u + column] = select(0.0, h_in[loads_row + at], inside);
    let w = loads_unit + at;
    weights[line * 17u + column] = select(vec4f(), vec4f(w_hh[w], w_hh[H * H + w], w_hh[2u * H * H + w], w_hh[3u * H * H + w]), inside);
    workgroupBarrier();
    //@unroll i 0 16
    z = fma(vec4f(rows[line * 17u + $(i)u]), weights[column * 17u + $(i)u], z);
    //@end
    workgroupBarrier();
  }
  if (unit >= H || b >= params.b) { return; }
  let base = (b * params.steps + params.t) * 4u * H + unit;
  store_step(b, unit, z + vec4f(xg[base], xg[base + H], xg[base + 2u * H], xg[base + 3u * H]));
}

@group(0) @binding(0) var<storage, read> gates_in: array<f32>;
@group(0) @binding(1) var<storage, read> cs_in: array<f32>;
@group(0) @binding(2) var<storage, read> c0_in: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read> w_back: array<f32>;
@group(0) @binding(5) var<storage, read> dz_in: array<f32>;
@group(0) @binding(6) var<storage, read> dc_in: array<f32>;
@group(0) @binding(7) var<storage, read_write> dz_out: array<f32>;
@group(0) @binding(8) var<storage, read_write> dc_out: array<f32>;
@group(0) @binding(9) var<storage, read_write> dz: array<f32>;

var<workgroup> columns: array<f32, 272>;

@compute @workgroup_size(256)
fn block_backward_step(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let H = params.h;
  let column = lane % 16u;
  let line = lane / 16u;
  let unit = group.x * 16u + column;
  let b = group.y * 16u + line;
  let loads_row = min(b, params.b - 1u) * 4u * H;
  let loads_unit = min(unit, H - 1u);
  var dh = 0.0;
  for (var start = 0u; start < 4u * H; start += 16u) {
    rows[line * 17u + column] = select(0.0, dz_in[loads_row + min(start + column, 4u * H - 1u)], start + column < 4u * H);
    columns[line * 17u + column] = select(0.0, w_back[min(start + line, 4u * H - 1u) * H + loads_unit], start + line < 4u * H);
    workgroupBarrier();
    //@unroll i 0 16
    dh = fma(rows[line * 17u + $(i)u], columns[$(i*17)u + column], dh);
    //@end
    workgroupBarrier();
  }
  if (unit >= H || b >= params.b) { return; }
  store_backward_step(b, unit, dh + dy[(b * params.steps + params.t) * H + unit]);
}
