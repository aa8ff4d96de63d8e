// Sum and maximum over the lanes of a subgroup of 8, known to all of them, by butterflies: on llvmpipe a third of the time
// of subgroupAdd. All lanes must call them.
fn sum_of_lanes(v: vec4f) -> f32 {
  var sum = (v.x + v.y) + (v.z + v.w);
  sum += subgroupShuffleXor(sum, 1u);
  sum += subgroupShuffleXor(sum, 2u);
  return sum + subgroupShuffleXor(sum, 4u);
}

fn largest_of_lanes(v: vec4f) -> f32 {
  var most = max(max(v.x, v.y), max(v.z, v.w));
  most = max(most, subgroupShuffleXor(most, 1u));
  most = max(most, subgroupShuffleXor(most, 2u));
  return max(most, subgroupShuffleXor(most, 4u));
}
