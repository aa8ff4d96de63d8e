// What the packed products do with a tile of TM rows x (32 TN) columns: epilogues of packed_matmul.wgsl and
// packed_matmul_subgroup.wgsl. A lane holds TN vec4 of each row, 32 columns apart.

fn silu(z: vec4f) -> vec4f { return z / (1.0 + exp(-z)); }

// The value of a key or query turned at its cell, two adjacent pairs at a time; no cell (-1), no angle: zero
fn rotate(value: vec4f, cell: i32, col: u32) -> vec4f {
  if (cell < 0) { return vec4f(); }
  let angle = textureLoad(rotary, texel(u32(cell) * params.head4 + col % params.head4));
  return vec4f(
    value.x * angle.x - value.y * angle.y,
    value.y * angle.x + value.x * angle.y,
    value.z * angle.z - value.w * angle.w,
    value.w * angle.z + value.z * angle.w,
  );
}

// Column `col` of row `row`: the sections of `section4` columns are queries, keys and values, or the latter two alone
fn store_head(value: vec4f, row: u32, col: u32) {
  if (row >= counts[params.rows] || col >= params.n4) { return; }
  let section = col / params.section4 + params.first;
  let at = col % params.section4;
  let info = rows[row];
  let slot = (u32(info.x) * params.slots + u32(info.y)) * params.section4 + at;
  if (section == 0u) {
    textureStore(q_out, texel(row * params.section4 + at), rotate(value, info.z, at));
  } else if (section == 1u) {
    textureStore(k_out, texel(slot), rotate(value, info.z, at));
  } else {
    textureStore(v_out, texel(slot), value);
  }
}

fn store_sum(value: vec4f, row: u32, col: u32) {
  if (row >= counts[params.rows] || col >= params.n4) { return; }
  let at = texel(row * params.n4 + col);
  textureStore(y, at, textureLoad(x, at) + value);
}

// Gate and value of the same hidden columns: w1 and w3 stand in w by turns, 32 columns each
fn store_gated(gate: vec4f, value: vec4f, row: u32, col: u32) {
  if (row >= counts[params.rows] || col >= params.section4) { return; }
  textureStore(hidden, texel(row * params.section4 + col), silu(gate) * value);
}

// Columns from `first` on only fill the last texel: they are never drawn
fn store_logits(value: vec4f, row: u32, col: u32) {
  if (row >= counts[params.rows] || col >= params.n4) { return; }
  let real = vec4u(0u, 1u, 2u, 3u) + 4u * col < vec4u(params.first);
  logits[row * params.n4 + col] = select(vec4f(-3.402823e38), value, real);
}
