import assert from "node:assert/strict";
import { Inception } from "../../src/models/inception.ts";
import { inceptionConvolutions, inceptionShapes } from "../../src/models/inception_layout.ts";
import { foldBatchNorm } from "../../src/models/inception_norm.ts";
import { bilinearWeights, resizeForInception } from "../../src/models/inception_resize.ts";
import type { WeightSource } from "../../src/nn/module.ts";
import type { HostTensor } from "../../src/tensor/host_tensor.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";
import { Ref } from "../support/ref.ts";
import { randomInceptionWeights, referenceFeatures } from "./inception_reference.ts";

const weights = randomInceptionWeights(inceptionShapes());

function sourceOf(tensors: ReadonlyMap<string, HostTensor<Float32Array>>): WeightSource {
  const entries = new Map([...tensors].map(([name, { shape }]) => [name, { dtype: "F32", shape }]));
  return { entries, read: (name) => tensors.get(name)! };
}

Deno.test("Inception: 94 convolutions, the 23.9 million weights of the published file", () => {
  assert.equal(inceptionConvolutions().size, 94);
  const count = [...inceptionShapes().values()].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
  // torchvision's 27,161,264 parameters less AuxLogits' 3,326,696 and 8 classes' difference, plus the running statistics.
  assert.equal(count, 27161264 - 3326696 + 8 * 2049 + 2 * 17216);
});

Deno.test("Inception: features agree with float64 from the first pixel to the last average", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const network = await Inception.load(device, sourceOf(weights), "random.pth");
  const random = seededRandom(2), size = 107; // the smallest of which the last blocks see 2x2 pixels
  const picture = new Ref([3, size, size]).map(() => Math.fround(2 * random() - 1));
  const features = network.featuresAtSize(device.tensor(Float32Array.from(picture.data), [1, 3, size, size]));
  const expected = referenceFeatures(weights, picture);
  assert.ok(expected.some((value) => value > 0.5), "features have a scale");
  assertAllClose(await features.data(), expected, 1e-4);

  const logits = Float64Array.from({ length: 1008 }, (_, c) => {
    const row = weights.get("fc.weight")!.data.subarray(c * 2048, (c + 1) * 2048);
    return row.reduce((sum, weight, f) => sum + weight * expected[f]!, 0);
  });
  const largest = Math.max(...logits), total = logits.reduce((sum, value) => sum + Math.exp(value - largest), 0);
  const probabilities = await network.probabilities(features).data();
  assertAllClose(probabilities, logits.map((value) => Math.exp(value - largest) / total), 1e-4);
});

Deno.test("Inception: a picture of any size goes through 299x299", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const network = await Inception.load(device, sourceOf(weights), "random.pth");
  const values = await network.features(device.full([1, 3, 31, 17], 0.7)).data();
  assert.equal(values.length, 2048);
  assert.ok(values.every((value) => value >= 0 && value < 1e4));
  assert.throws(() => network.features(device.zeros([1, 1, 8, 8])), {
    name: "RangeError",
    message: "Cannot apply inception: pictures must have shape [1, 3, 8, 8], got [1, 1, 8, 8]",
  });
});

Deno.test("resizeForInception: as interpolate(mode=bilinear, align_corners=False) without antialiasing", async () => {
  assert.deepEqual([...bilinearWeights(2, 4)], [1, 0, 0.75, 0.25, 0.25, 0.75, 0, 1]);
  assert.deepEqual([...bilinearWeights(4, 2)], [0.5, 0.5, 0, 0, 0, 0, 0.5, 0.5]);
  assert.deepEqual([...bilinearWeights(1, 3)], [1, 1, 1]);
  const device = await testDevice();
  using _scope = device.scope();
  const random = seededRandom(3), shape = [2, 3, 5, 7], size = 9;
  const x = new Ref(shape).map(() => Math.fround(random()));
  const [rows, columns] = [bilinearWeights(5, size), bilinearWeights(7, size)];
  const expected = Ref.from([2, 3, size, size], ([n, c, i, j]) => {
    let sum = 0;
    for (let p = 0; p < 5; p++) {
      for (let q = 0; q < 7; q++) sum += rows[i! * 5 + p]! * columns[j! * 7 + q]! * x.at(n!, c!, p, q);
    }
    return 2 * sum - 1;
  });
  const y = resizeForInception(device.tensor(Float32Array.from(x.data), shape), size);
  assertAllClose(await y.data(), expected.data, 1e-6);
});

Deno.test("foldBatchNorm: a convolution and its norm in one", () => {
  const of = (...values: number[]) => Float32Array.from(values);
  const folded = foldBatchNorm(of(1, 2, 3, 4), {
    ...{ scale: of(2, 3), shift: of(0.5, -1), mean: of(4, 0), variance: of(0.249, 0.999) },
  });
  assertAllClose(folded.weight, [4, 8, 9, 12], 1e-6);
  assertAllClose(folded.bias, [0.5 - 16, -1], 1e-6);
});

Deno.test("Inception: a file of another network is refused in one line, with all that is wrong", async () => {
  const device = await testDevice();
  const tensors = new Map(weights);
  tensors.set("fc.weight", { shape: [1000, 2048], data: new Float32Array(2048000) });
  tensors.delete("Mixed_5b.branch1x1.conv.weight");
  tensors.set("AuxLogits.fc.bias", { shape: [2], data: new Float32Array(2) });
  tensors.set("Conv2d_1a_3x3.bn.num_batches_tracked", { shape: [1], data: new Float32Array(1) });
  await assert.rejects(Inception.load(device, sourceOf(tensors), "other.pth"), {
    name: "UserError",
    message: "other.pth: Cannot load weights: 1 of 472 parameters missing: Mixed_5b.branch1x1.conv.weight " +
      "[64, 192, 1, 1]; 1 of another shape or type: fc.weight is F32 [1000, 2048], wanted f32 [1008, 2048]; " +
      "1 unexpected: AuxLogits.fc.bias [2]; pass the weights of this model",
  });
});
