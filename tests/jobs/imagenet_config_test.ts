import assert from "node:assert/strict";
import { fileTest } from "../support/file_test.ts";
import { llamaGenChanges, tinyImagenetArGrpo, tinyImagenetPolicy, tinySizes } from "./tiny_imagenet.ts";

/** Changes that no run can follow, and what is said of the last of them. */
const refusals: [changes: string[], line: string][] = [
  [["classes=[9, 10]"], "classes.1: expected at most 9, the model's last class"],
  [["training.minibatches=3"], "training.minibatches: expected a number that divides batch_size, 2"],
  [
    ["train=both", "generator.parts=4"],
    "generator.parts: expected a number that divides batch_size times group_size, 6",
  ],
  [
    ["clip_sizes.vision_config.num_attention_heads=3"],
    "clip_sizes.vision_config.hidden_size: must be a multiple of num_attention_heads, got 8 and 3",
  ],
  [
    ["reward.clip.folder=weights/one", "held_out_clip=./weights/one/"],
    "held_out_clip: expected another CLIP than reward.clip.folder: what rewards is no judge",
  ],
  [
    ["reward.aesthetic={weight: 1, folder: two, file: head.pth}", "held_out_clip=two"],
    "held_out_clip: expected another CLIP than reward.aesthetic.folder: what rewards is no judge",
  ],
  [
    ["model.sizes=ARPG-L", "tokenizer.sizes=VQ-16", "comparison.npz=true", "comparison.samples=21840"],
    "comparison.samples: expected at most 21839 with comparison.npz: such a file holds 4 GiB",
  ],
];
for (const [changes, line] of refusals) {
  await fileTest(`imagenet jobs refuse ${changes.at(-1)}`, () => {
    for (const load of [tinyImagenetPolicy, tinyImagenetArGrpo]) {
      assert.throws(() => load(changes), (error: Error) => {
        assert.equal(error.name, "UserError");
        assert.ok(error.message.endsWith(line), error.message);
        return true;
      });
    }
  });
}

for (
  const [change, line] of [
    ["model.dtype=float16", "model.dtype: expected float32: a LlamaGen paints with the weights it trains"],
    ["train=both", "train: expected generator: a LlamaGen has no order, and no policy for it"],
    ["reward.fidelity={weight: 1}", "reward.fidelity: expected null: a LlamaGen paints every picture cell by cell"],
    [
      "reward.efficiency={form: additive, weight: 1}",
      "reward.efficiency: expected null: a LlamaGen paints every picture cell by cell",
    ],
    [
      "training.max_steps=4",
      "training.max_steps: expected null: a LlamaGen takes as many steps as a picture has cells",
    ],
    [
      "model.sizes.heads=3",
      "model.sizes: Cannot make a LlamaGen: dim must be a multiple of 4 heads (rotary pairs on two axes), got 16 and 3",
    ],
    [
      "training.common_noise=true",
      "training.common_noise: expected false: from the same noise a LlamaGen paints the same picture",
    ],
  ] as const
) {
  await fileTest(`imagenet_ar_grpo refuses ${change} of a LlamaGen`, () => {
    assert.throws(() => tinyImagenetArGrpo([...llamaGenChanges, change]), (error: Error) => {
      assert.equal(error.name, "UserError");
      assert.ok(error.message.endsWith(line), error.message);
      return true;
    });
  });
}

await fileTest("imagenet_ar_grpo takes a LlamaGen by its name or its sizes, imagenet_policy does not", () => {
  for (const sizes of ["LlamaGen-B", "LlamaGen-L", "LlamaGen-XL"]) {
    tinyImagenetArGrpo([`model.sizes=${sizes}`, "model.dtype=float32", "tokenizer.sizes=VQ-16"]);
  }
  assert.deepEqual(tinyImagenetArGrpo(llamaGenChanges).model.sizes, tinySizes.llamaGen);
  assert.throws(() => tinyImagenetPolicy(["model.sizes=LlamaGen-B"]), /model\.sizes: expected .*"ARPG-XXL"/);
});

await fileTest("imagenet jobs: what is near to that is taken", () => {
  const changes = [
    ...["model.sizes=ARPG-L", "tokenizer.sizes=VQ-16", "comparison.samples=21839", "classes=[999]"],
    ...["generator.parts=4", "reward.clip.folder=one", "held_out_clip=two"],
  ];
  tinyImagenetPolicy([...changes, "train=policy"]);
  tinyImagenetPolicy(["comparison={samples: 1000000, seed: 1, npz: false}"]);
});
