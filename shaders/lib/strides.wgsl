// Offset in memory of element `index` of a row-major walk over `axes` axes, at most five. The outermost axis has the
// stride `first` and needs no size; `sizes` and `strides` hold the inner ones, innermost in w.
fn strided_offset(index: u32, axes: u32, sizes: vec4u, strides: vec4u, first: u32) -> u32 {
  if (axes == 0u) { return 0u; }
  var rest = index;
  var at = 0u;
  if (axes > 1u) {
    at += rest % sizes.w * strides.w;
    rest /= sizes.w;
  }
  if (axes > 2u) {
    at += rest % sizes.z * strides.z;
    rest /= sizes.z;
  }
  if (axes > 3u) {
    at += rest % sizes.y * strides.y;
    rest /= sizes.y;
  }
  if (axes > 4u) {
    at += rest % sizes.x * strides.x;
    rest /= sizes.x;
  }
  return at + rest * first;
}
