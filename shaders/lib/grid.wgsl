// Flat index of an invocation in a grid that may be folded into two dimensions (a grid dimension holds at most 65535
// workgroups): workgroups are counted row by row, `size` invocations each.
fn flat_index(group: vec3u, groups: vec3u, local: u32, size: u32) -> u32 {
  return (group.y * groups.x + group.x) * size + local;
}
