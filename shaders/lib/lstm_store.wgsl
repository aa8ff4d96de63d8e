// The end of a time step of lstm.wgsl and lstm_block.wgsl, whose bindings and names these are

// z: the gates' sums of row b and one hidden unit
fn store_step(b: u32, unit: u32, z: vec4f) {
  let H = params.h;
  let row = b * params.steps + params.t;
  let at = b * H + unit;
  let s = sigmoid4(z);
  let g = tanh4(z).z;
  let c = s.y * c_in[at] + s.x * g;
  let h = s.w * tanh4(vec4f(c)).x;
  h_out[at] = h;
  c_out[at] = c;
  y[row * H + unit] = h;
  cs[row * H + unit] = c;
  if (SAVE == 1u) {
    gates[row * 4u * H + unit] = s.x;
    gates[(row * 4u + 1u) * H + unit] = s.y;
    gates[(row * 4u + 2u) * H + unit] = g;
    gates[(row * 4u + 3u) * H + unit] = s.w;
    before[row * H + unit] = h_in[at];
  }
}

// dh: the whole gradient of the hidden state
fn store_backward_step(b: u32, unit: u32, dh: f32) {
  let H = params.h;
  let row = b * params.steps + params.t;
  let at = b * H + unit;
  let base = row * 4u * H + unit;
  var c_before = c0_in[at];
  if (params.t > 0u) { c_before = cs_in[(row - 1u) * H + unit]; }
  let d = cell_backward(vec4f(dh), vec4f(dc_in[at]), vec4f(cs_in[row * H + unit]), vec4f(c_before),
    vec4f(gates_in[base]), vec4f(gates_in[base + H]), vec4f(gates_in[base + 2u * H]), vec4f(gates_in[base + 3u * H]));
  let next = b * 4u * H + unit;
  dz_out[next] = d.i.x;
  dz_out[next + H] = d.f.x;
  dz_out[next + 2u * H] = d.g.x;
  dz_out[next + 3u * H] = d.o.x;
  dc_out[at] = d.c.x;
  dz[base] = d.i.x;
  dz[base + H] = d.f.x;
  dz[base + 2u * H] = d.g.x;
  dz[base + 3u * H] = d.o.x;
}
