/** Nine points of matplotlib's colour map viridis (Smith and van der Walt 2015, CC0), dark to light. */
const points = [0x440154, 0x472d7b, 0x3b528b, 0x2c728e, 0x21918c, 0x28ae80, 0x5ec962, 0xaddc30, 0xfde725];

/** The colour of `fraction` in [0, 1] on viridis, whose lightness rises evenly: red, green and blue bytes. */
export function viridis(fraction: number): [red: number, green: number, blue: number] {
  const at = Math.min(1, Math.max(0, fraction)) * (points.length - 1);
  const index = Math.min(points.length - 2, Math.floor(at));
  const channel = (shift: number) => {
    const [from, to] = [points[index]!, points[index + 1]!].map((color) => color >> shift & 255) as [number, number];
    return Math.round(from + (to - from) * (at - index));
  };
  return [channel(16), channel(8), channel(0)];
}
