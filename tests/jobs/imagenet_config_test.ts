import assert from "node:assert/strict";
import { fileTest } from "../support/file_test.ts";
import { tinyImagenetArGrpo, tinyImagenetPolicy } from "./tiny_imagenet.ts";

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

await fileTest("imagenet jobs: what is near to that is taken", () => {
  const changes = [
    ...["model.sizes=ARPG-L", "tokenizer.sizes=VQ-16", "comparison.samples=21839", "classes=[999]"],
    ...["generator.parts=4", "reward.clip.folder=one", "held_out_clip=two"],
  ];
  tinyImagenetPolicy([...changes, "train=policy"]);
  tinyImagenetPolicy(["comparison={samples: 1000000, seed: 1, npz: false}"]);
});
