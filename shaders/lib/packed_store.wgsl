// What the packed products do with a tile of TM rows x 64 columns: the epilogues of packed_matmul.wgsl and
// packed_matmul_subgroup.wgsl, which declare TM, Params and the bindings.

// A lane's part of a tile: two vec4 of each row, 32 columns apart
struct Tile {
  //@unroll i 0 TM
  c$(i)_0: vec4f,
  c$(i)_1: vec4f,
  //@end
}

// The tile's first row, and the lane's columns in vec4: of the product, and of its half where gate and value take turns
struct Place { row: u32, col0: u32, col1: u32, hidden: u32 }

fn place(group: vec3u, lane: u32) -> Place {
  let col0 = group.x * 16u + lane;
  return Place(group.y * TM, col0, col0 + 8u, group.x * 8u + lane);
}

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
fn put_head(value: vec4f, row: u32, col: u32) {
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

fn put_sum(value: vec4f, row: u32, col: u32) {
  if (row >= counts[params.rows] || col >= params.n4) { return; }
  let at = texel(row * params.n4 + col);
  textureStore(y, at, textureLoad(x, at) + value);
}

// Gate and value of the same hidden columns: w1 and w3 stand in w by turns, 32 columns each
fn put_gated(gate: vec4f, value: vec4f, row: u32, col: u32) {
  if (row >= counts[params.rows] || col >= params.section4) { return; }
  textureStore(hidden, texel(row * params.section4 + col), silu(gate) * value);
}

// Columns from `first` on only fill the last texel: they are never drawn
fn put_logits(value: vec4f, row: u32, col: u32) {
  if (row >= counts[params.rows] || col >= params.n4) { return; }
  let real = vec4u(0u, 1u, 2u, 3u) + 4u * col < vec4u(params.first);
  logits[row * params.n4 + col] = select(vec4f(-3.402823e38), value, real);
}

fn store_heads(tile: Tile, at: Place) {
  //@unroll i 0 TM
  put_head(tile.c$(i)_0, at.row + $(i)u, at.col0);
  put_head(tile.c$(i)_1, at.row + $(i)u, at.col1);
  //@end
}

fn store_sums(tile: Tile, at: Place) {
  //@unroll i 0 TM
  put_sum(tile.c$(i)_0, at.row + $(i)u, at.col0);
  put_sum(tile.c$(i)_1, at.row + $(i)u, at.col1);
  //@end
}

fn store_gated(tile: Tile, at: Place) {
  //@unroll i 0 TM
  put_gated(tile.c$(i)_0, tile.c$(i)_1, at.row + $(i)u, at.hidden);
  //@end
}

fn store_logits(tile: Tile, at: Place) {
  //@unroll i 0 TM
  put_logits(tile.c$(i)_0, at.row + $(i)u, at.col0);
  put_logits(tile.c$(i)_1, at.row + $(i)u, at.col1);
  //@end
}
