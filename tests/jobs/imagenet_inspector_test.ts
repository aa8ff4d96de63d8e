import assert from "node:assert/strict";
import {
  ImagenetInspector,
  type InspectedRun,
  labelsInTurn,
  type LookPainter,
} from "../../src/jobs/imagenet_inspector.ts";

const inspector = new ImagenetInspector({} as InspectedRun, { learner: "policy" } as LookPainter); // all that warnings need

Deno.test("ImagenetInspector: warns where the reward rises and the held-out CLIP knows the classes less", () => {
  const before = [{ reward: 0.5, held_out_clip: 0.4 }, { reward: 0.55, held_out_clip: 0.45 }];
  assert.equal(
    inspector.warn(before, { reward: 0.6, held_out_clip: 0.38 }),
    "the reward has risen from 0.5500 to 0.6000 while the probability of the class under the held-out CLIP fell from " +
      "0.450 to 0.380: the policy is learning the reward, not to paint; see docs/imagenet.md",
  );
  for (const [reward, held_out_clip] of [[0.4, 0.1], [0.6, 0.41], [NaN, 0.1]] as const) {
    assert.equal(inspector.warn(before, { reward, held_out_clip }), null, `${reward} ${held_out_clip}`);
  }
  assert.equal(inspector.warn([{ reward: 0.5 }], { reward: 0.9 }), null, "without a held-out CLIP");
});

Deno.test("labelsInTurn goes round the classes", () => {
  assert.deepEqual([...labelsInTurn(5, [7, 999])], [7, 999, 7, 999, 7]);
});
