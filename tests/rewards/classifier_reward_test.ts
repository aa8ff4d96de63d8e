import { Judge } from "../../src/models/judge.ts";
import { MlpClassifier } from "../../src/models/mlp_classifier.ts";
import { Initializer } from "../../src/nn/init.ts";
import { Linear } from "../../src/nn/linear.ts";
import { ClassifierReward, type ClassifierRewardForm } from "../../src/rewards/classifier_reward.ts";
import type { Device } from "../../src/tensor/device.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

const noDigit = Array<number>(10).fill(0);
/** Class 1 has log-probability -8, those after it -50. */
const surelyZero = [42, 34, ...Array<number>(8).fill(-8)];

/** Ten features, one a class, that go through unchanged: the first ten pixels are the logits. */
class PixelJudge extends Judge {
  protected readonly head: Linear;

  constructor(device: Device) {
    super();
    this.head = new Linear(new Initializer(device, 1), 64, 10);
    this.head.weight.write(Float32Array.from({ length: 640 }, (_, i) => i % 64 === Math.floor(i / 64) ? 1 : 0));
    this.head.bias.write(new Float32Array(10));
  }

  features(images: Tensor): Tensor {
    return images.view([images.shape[0]!, 64]);
  }

  parameters(): Map<string, Tensor> {
    return this.head.parameters();
  }
}

Deno.test("ClassifierReward: probability of the wanted class, gated by the entropy of all classes", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const judge = new MlpClassifier(new Initializer(device, 1));
  const random = seededRandom(3);
  const images = device.tensor(Float32Array.from({ length: 5 * 64 }, random), [5, 1, 8, 8]);
  const labels = [3, 0, 9, 9, 4];
  const scores = new ClassifierReward(judge, "probability").score({
    images,
    classes: device.tensor(Int32Array.from(labels)),
  });
  const probabilities = await judge.probabilities(images).data();
  const expected = labels.map((label, i) => {
    const row = [...probabilities.subarray(i * 10, i * 10 + 10)];
    return row[label]! * (1 + row.reduce((sum, p) => sum + p * Math.log(p), 0) / Math.log(10));
  });
  assertAllClose(await scores.data(), expected, 1e-6);
});

Deno.test("ClassifierReward: pictures that are no digits do not pay; logarithms count from -16 up", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const logits = [noDigit, surelyZero, surelyZero, surelyZero];
  const images = device.tensor(logits.flatMap((row) => [...row, ...Array(54).fill(0)]), [4, 1, 8, 8]);
  const painted = { images, classes: device.tensor(Int32Array.of(7, 0, 1, 2)) };
  const judge = new PixelJudge(device);
  const paid = async (form: ClassifierRewardForm) => await new ClassifierReward(judge, form).score(painted).data();
  assertAllClose(await paid("probability"), [0, 1, 0, 0], 2e-3);
  assertAllClose(await paid("log_probability"), [0, 1, 0.5, 0], 2e-3);
});
