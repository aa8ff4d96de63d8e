import assert from "node:assert/strict";
import { writeSafetensors } from "../../src/io/safetensors.ts";
import { readAestheticHead } from "../../src/rewards/aesthetic_head.ts";
import { AestheticReward } from "../../src/rewards/aesthetic_reward.ts";
import { ClipFeatures } from "../../src/rewards/clip_features.ts";
import type { HostTensor } from "../../src/tensor/host_tensor.ts";
import { withTemporaryFolder } from "../io/temporary_folder.ts";
import { assertUserError } from "../io/user_error.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { fileTest } from "../support/file_test.ts";
import { seededRandom } from "../support/random.ts";
import { tinyClip } from "./tiny_clip.ts";

const random = seededRandom(11);
const tensor = (...shape: number[]): HostTensor => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 2 * random() - 1),
});

await fileTest(
  "readAestheticHead: LAION's layers are one linear map; one layer is itself",
  () =>
    withTemporaryFolder(async (folder) => {
      const file = `${folder}/head.safetensors`;
      // LAION counts its dropouts too; ten comes after two.
      const layers = [["0", tensor(5, 6), tensor(5)], ["2", tensor(3, 5), tensor(3)], [
        "10",
        tensor(1, 3),
        tensor(1),
      ]] as const;
      const named = layers.flatMap(([n, weight, bias]) => [
        [`layers.${n}.weight`, weight] as const,
        [`layers.${n}.bias`, bias] as const,
      ]);
      await writeSafetensors(file, new Map(named.toReversed()));
      const { weight, bias } = await readAestheticHead(file, 6);
      const x = tensor(6).data;
      let values = [...x];
      for (const [, { data, shape }, offsets] of layers) {
        values = Array.from(
          { length: shape[0]! },
          (_, o) => values.reduce((sum, value, i) => sum + value * data[o * shape[1]! + i]!, offsets.data[o]!),
        );
      }
      const score = weight.reduce((sum, w, i) => sum + w * x[i]!, bias);
      assertAllClose([score], values, 1e-6);

      const single = tensor(1, 6);
      await writeSafetensors(file, new Map([["weight", single], ["bias", { shape: [1], data: Float32Array.of(5.5) }]]));
      assert.deepEqual(await readAestheticHead(file, 6), { weight: single.data, bias: 5.5 });
    }),
);

await fileTest("readAestheticHead refuses other files in one line", () =>
  withTemporaryFolder(async (folder) => {
    const file = `${folder}/head.safetensors`;
    const refused = async (tensors: Record<string, HostTensor>, reason: string) => {
      await writeSafetensors(file, new Map(Object.entries(tensors)));
      await assertUserError(
        () => readAestheticHead(file, 6),
        `Cannot read the aesthetic head ${file}: ${reason}; wanted weight [1, 6] and bias [1], or layers.N.weight and ` +
          "layers.N.bias that lead from 6 to 1",
      );
    };
    const [weight, bias] = [tensor(1, 6), tensor(1)];
    await refused({}, "it holds nothing");
    await refused({ weight }, "it has no bias");
    await refused({ weight, bias, "logit_scale": bias }, "it has logit_scale");
    await refused({ weight, bias, "layers.0.weight": weight, "layers.0.bias": bias }, "it has both forms");
    await refused({ weight: tensor(1, 7), bias }, "weight is [1, 7] after 6 features");
    await refused({ weight: tensor(6), bias }, "weight is [6] after 6 features");
    await refused({ weight, bias: tensor(2) }, "bias is [2] beside weight [1, 6]");
    await refused({ weight: tensor(2, 6), bias: tensor(2) }, "it ends in 2 numbers");
    await refused(
      {
        "layers.0.weight": tensor(4, 6),
        "layers.0.bias": tensor(4),
        "layers.1.weight": tensor(1, 3),
        "layers.1.bias": bias,
      },
      "layers.1.weight is [1, 3] after 4 features",
    );
    await refused({ weight: { shape: [1, 6], data: new Int32Array(6) }, bias }, "weight holds whole numbers");
    await refused(
      { weight, bias: { shape: [1], data: Float32Array.of(NaN) } },
      "bias holds numbers that are not finite",
    );
  }));

Deno.test("AestheticReward: a tenth of the head's mark of the unit features, from 0 to 1", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const features = new ClipFeatures(device, tinyClip(device), 4, 4);
  const images = device.tensor(tensor(3, 1, 4, 4).data.map(Math.abs), [3, 1, 4, 4]);
  const painted = { images, classes: device.tensor(Int32Array.of(0, 1, 2)) };
  const weight = tensor(6).data as Float32Array<ArrayBuffer>;
  const seen = await features.of(painted).data();
  const mark = (i: number, bias: number) => weight.reduce((sum, w, p) => sum + w * seen[6 * i + p]!, bias);
  for (
    const [bias, expected] of [
      [5, [0, 1, 2].map((i) => mark(i, 5) / 10)],
      [-20, [0, 0, 0]],
      [30, [1, 1, 1]],
    ] as const
  ) {
    const scores = new AestheticReward(device, features, { weight, bias }).score(painted);
    assert.equal(scores.node, null);
    assertAllClose(await scores.data(), expected, 1e-6);
  }
  assert.throws(() => new AestheticReward(device, features, { weight: weight.subarray(1), bias: 0 }), {
    name: "RangeError",
    message: "Cannot score 6 features: the aesthetic head wants 5",
  });
});
