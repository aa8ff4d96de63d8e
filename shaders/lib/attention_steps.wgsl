// Visibility in attention as steps: key j is visible to query i where its step is not later; no mask and causal masks are
// steps, too. Includers declare params, query_steps and key_steps.
fn query_step_of(head: u32, i: u32) -> i32 {
  if (params.visibility == 0u) { return 0; }
  if (params.visibility == 1u) { return i32(i + params.tk) - i32(params.tq); }
  return query_steps[head / params.heads * params.query_stride + i];
}

fn key_step_of(head: u32, j: u32) -> i32 {
  if (params.visibility == 0u) { return 0; }
  if (params.visibility == 1u) { return i32(j); }
  return key_steps[head / params.heads * params.key_stride + j];
}

// End of the keys that the queries before `query` may see; at least 1, since the first step also clears the output.
fn keys_end(query: u32) -> u32 {
  if (params.visibility != 1u) { return params.tk; }
  return u32(clamp(i32(query + params.tk) - i32(params.tq), 1, i32(params.tk)));
}
