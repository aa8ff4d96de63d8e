import assert from "node:assert/strict";
import { contrastiveLoss } from "../../src/rl/contrastive_loss.ts";
import type { Device } from "../../src/tensor/device.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { lossReference } from "../models/clip_reference.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

const groups = 2, size = 3, width = 4;

/** Random embeddings of images and of texts. */
function sample() {
  const random = seededRandom(3);
  return [1, 2].map(() => Float64Array.from({ length: groups * size * width }, () => Math.fround(4 * random() - 2)));
}

/** Mean of the paper's loss over the groups. */
function reference([images, texts]: readonly Float64Array[], logitScale: number): number {
  const rows = (of: Float64Array, group: number) =>
    Array.from({ length: size }, (_, i) => of.subarray((group * size + i) * width, (group * size + i + 1) * width));
  const losses = Array.from({ length: groups }, (_, g) => lossReference(rows(images!, g), rows(texts!, g), logitScale));
  return losses.reduce((a, b) => a + b) / groups;
}

function tensors(device: Device, values: readonly Float64Array[], logitScale: number) {
  const parameters = [
    ...values.map((value) => device.tensor(Float32Array.from(value), [groups, size, width])),
    device.tensor(Float32Array.of(logitScale), []),
  ];
  for (const parameter of parameters) parameter.requiresGrad = true;
  return parameters as [typeof parameters[0], typeof parameters[0], typeof parameters[0]];
}

for (const logitScale of [Math.fround(0.7), 5]) {
  Deno.test(`contrastiveLoss: value and gradients at a scale of e^${logitScale} are those of the formula`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const values = sample(), inputs = tensors(device, values, logitScale);
    const loss = contrastiveLoss(...inputs);
    assert.deepEqual(loss.shape, []);
    assertAllClose(await loss.data(), [reference(values, logitScale)], 1e-5);
    const [images, texts, scale] = await device.read(gradients(loss, inputs));
    const h = 1e-4;
    const slope = (moved: (step: number) => number) =>
      (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h);
    values.forEach((value, k) => {
      const numeric = Array.from(value, (x, i) =>
        slope((step) => {
          value[i] = x + step;
          const moved = reference(values, logitScale);
          value[i] = x;
          return moved;
        }));
      assertAllClose([images, texts][k]!, numeric, 1e-5, ["images", "texts"][k]);
    });
    assertAllClose(scale!, [slope((step) => reference(values, logitScale + step))], 1e-5, "logitScale");
    if (logitScale > Math.log(100)) assert.equal(scale![0], 0, "beyond 100 the scale is held");
  });
}

Deno.test("contrastiveLoss refuses shapes that do not match", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const scale = device.zeros([]),
    refuses = (images: number[], texts: number[], message: string) =>
      assert.throws(() => contrastiveLoss(device.zeros(images), device.zeros(texts), scale), {
        name: "RangeError",
        message,
      });
  refuses([2, 3], [2, 3], "Cannot apply contrastiveLoss: images must have 3 axes, got shape [2, 3]");
  refuses(
    [1, 2, 3],
    [1, 3, 3],
    "Cannot apply contrastiveLoss: texts must have shape [1, 2, 3], got [1, 3, 3]",
  );
});
