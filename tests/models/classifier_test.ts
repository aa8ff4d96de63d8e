import assert from "node:assert/strict";
import { readSafetensors } from "../../src/io/safetensors.ts";
import { readWeights } from "../../src/io/weights.ts";
import { Classifier } from "../../src/models/classifier.ts";
import { MlpClassifier } from "../../src/models/mlp_classifier.ts";
import { StridedClassifier } from "../../src/models/strided_classifier.ts";
import { Initializer } from "../../src/nn/init.ts";
import { loadParameters } from "../../src/nn/module.ts";
import { crossEntropy } from "../../src/ops/cross_entropy.ts";
import { mean } from "../../src/ops/reduce.ts";
import { gradients } from "../../src/tensor/tape.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { fileTest } from "../support/file_test.ts";

await fileTest("Classifier: the reference's logits, loss and gradients", async () => {
  const folder = new URL("../fixtures/classifier-forward/", import.meta.url).pathname;
  const { tensors: inputs } = await readSafetensors(`${folder}inputs.safetensors`);
  const { tensors: expected } = await readSafetensors(`${folder}outputs.safetensors`);
  const device = await testDevice();
  using _scope = device.scope();
  const classifier = new Classifier(new Initializer(device, 0));
  loadParameters(classifier, await readWeights(`${folder}weights.pt`));
  const { data, shape } = inputs.get("images")!;
  const logits = classifier.logits(device.tensor(data, shape));
  const loss = mean(crossEntropy(logits, device.tensor(inputs.get("labels")!.data)));
  const parameters = classifier.parameters();
  const grads = gradients(loss, [...parameters.values()]);
  const found = new Map([["logits", logits], ["loss", loss]]);
  [...parameters.keys()].forEach((name, i) => found.set(`grad.${name}`, grads[i]!));
  assert.deepEqual([...found.keys()].sort(), [...expected.keys()].sort());
  for (const [name, tensor] of found) {
    assertAllClose(await tensor.data(), expected.get(name)!.data as Float32Array, 2e-4, name);
  }
});

Deno.test("judges: features, logits and probabilities belong together, at 8x8 and at 28x28", async () => {
  const device = await testDevice();
  const init = new Initializer(device, 1);
  const judges = [
    { judge: new Classifier(init), size: 8, width: 128, parameters: 53002 },
    { judge: new MlpClassifier(init), size: 8, width: 64, parameters: 181706 },
    { judge: new Classifier(init, 10, 28), size: 28, width: 128, parameters: 421642 },
    { judge: new StridedClassifier(init), size: 28, width: 128, parameters: 188746 },
    { judge: new StridedClassifier(init, 10, 20), size: 20, width: 128, parameters: 131402 },
  ];
  for (const { judge, size, width, parameters } of judges) {
    using _scope = device.scope();
    const images = device.tensor(Float32Array.from({ length: 3 * size ** 2 }, (_, i) => i % 7 / 7), [3, 1, size, size]);
    assert.equal(judge.size, size);
    const features = judge.features(images);
    assert.deepEqual(features.shape, [3, width]);
    assert.deepEqual(await judge.classify(features).data(), await judge.logits(images).data());
    const probabilities = [...await judge.probabilities(images).data()];
    for (let n = 0; n < 3; n++) {
      assertAllClose([probabilities.slice(n * 10, n * 10 + 10).reduce((a, b) => a + b)], [1], 1e-5);
    }
    assert.equal([...judge.parameters().values()].reduce((sum, { size }) => sum + size, 0), parameters);
  }
});

Deno.test("Classifier: images that two poolings do not divide are refused", async () => {
  const init = new Initializer(await testDevice(), 1);
  assert.throws(() => new Classifier(init, 10, 30), {
    name: "RangeError",
    message: "Cannot pool images of 30 pixels twice: wanted a multiple of 4",
  });
});
