import shader from "../../shaders/conv2d_texels.wgsl" with { type: "text" };
import { foldGrid } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Geometry } from "./conv2d_geometry.ts";

const source = { name: "conv2d_texels", text: shader };

/** A texture `[B, H, W, C / 4]` of the geometry's source image, where `y` is positive if it is given. */
export function imageInTexels(image: Tensor, y: Tensor | null, geometry: Geometry): Tensor {
  const { batch, source_h, source_w, source_channels } = geometry;
  const shape = [batch, source_h, source_w, Math.ceil(source_channels / 4) * 4];
  const texels = image.device.empty(shape, "f32", "conv2d image", "texture");
  const four = source_h * source_w % 4 === 0;
  image.device.launch(source, four ? "image_to_texels4" : "image_to_texels", {
    read: [image, y ?? image],
    write: [texels],
    params: paramsOf(geometry),
    overrides: { MASK: y ? 1 : 0 },
    grid: foldGrid(Math.ceil(texels.size / (four ? 1024 : 256))),
    cost: { bytes: 4 * ((y ? 2 : 1) * image.size + texels.size) },
  });
  return texels;
}

/** A texture `[KH KW, C, O / 4]` of the weights as the geometry takes them, with one more row for the bias. */
export function weightInTexels(weight: Tensor, bias: Tensor | undefined, geometry: Geometry): Tensor {
  const { kernel_h, kernel_w, source_channels, target_channels } = geometry;
  const rows = kernel_h * kernel_w * Math.ceil(source_channels / 4) * 4 + 1;
  const texels = weight.device.empty([rows, Math.ceil(target_channels / 4) * 4], "f32", "conv2d weight", "texture");
  weight.device.launch(source, "weight_to_texels", {
    read: [weight, bias ?? weight],
    write: [texels],
    params: paramsOf(geometry),
    overrides: { BIAS: bias ? 1 : 0 },
    grid: foldGrid(Math.ceil(texels.size / 256)),
    cost: { bytes: 4 * (weight.size + texels.size) },
  });
  return texels;
}

function paramsOf(geometry: Geometry) {
  const { batch, source_h, source_w, source_channels, source_stride, target_channels, target_stride } = geometry;
  return {
    batch,
    pixels: source_h * source_w,
    source_channels,
    source_stride,
    target_channels,
    target_stride,
    taps: geometry.kernel_h * geometry.kernel_w,
  };
}
