import assert from "node:assert/strict";
import type { Guidance } from "../../src/models/decode_step.ts";
import { FrozenArpg } from "../../src/models/frozen_arpg.ts";
import { logSoftmax } from "../../src/ops/log_softmax.ts";
import { drawnLogits, orderPaintings, somePaintings } from "../../src/models/painting_likelihood.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { assertAllClose } from "../support/assert_all_close.ts";
import { testDevice } from "../support/device.ts";
import { tinyArpg } from "../models/tiny_arpg.ts";
import { cells, raggedDecoder, requestOf } from "./tiny_experience.ts";

/** Log-probabilities of all tokens at the cells that a decoder drew, by `sample cells + cell`. */
async function decoderLogProbs(
  steps: readonly Tensor[],
  { order, groups, known }: ReturnType<typeof requestOf>,
  vocab: number,
  temperature: number,
): Promise<Map<number, number[]>> {
  const found = new Map<number, number[]>();
  const filled = [...known!.counts], batch = filled.length;
  for (const [t, logits] of steps.entries()) {
    const values = await logits.data(), cols = logits.shape[1]!;
    let row = 0;
    for (let b = 0; b < batch; b++) {
      const group = Math.min(Math.max(groups[t * batch + b]!, 1), cells - filled[b]!);
      for (let i = 0; i < group; i++, row++) {
        const scaled = [...values.subarray(row * cols, row * cols + vocab)].map((value) => value / temperature);
        const norm = Math.log(scaled.reduce((sum, value) => sum + Math.exp(value), 0));
        found.set(b * cells + order[b * cells + filled[b]!++]!, scaled.map((value) => value - norm));
      }
    }
  }
  return found;
}

const cases: { guidance: Guidance; temperature: number; batch: number; known: boolean }[] = [
  { guidance: { scale: 1, form: "constant" }, temperature: 1, batch: 12, known: false },
  { guidance: { scale: 2, form: "constant" }, temperature: 1, batch: 1, known: false },
  { guidance: { scale: 2, form: "linear" }, temperature: 0.8, batch: 12, known: false },
  { guidance: { scale: 1.5, form: "linear" }, temperature: 1.3, batch: 12, known: true },
];

for (const { guidance, temperature, batch, known } of cases) {
  const name = `${guidance.form} guidance ${guidance.scale}, temperature ${temperature}, ${batch} samples` +
    (known ? ", some with known cells" : "");
  Deno.test(`drawnLogits: the decoder's own distribution in the step that drew each token, ${name}`, async () => {
    const device = await testDevice();
    const model = tinyArpg(device), frozen = await FrozenArpg.of(model);
    const { vocab } = model.config;
    const inspected: Tensor[] = [];
    using decoder = raggedDecoder(frozen, batch, {
      temperature,
      guidance,
      inspect: (_step, logits) => inspected.push(logits),
    });
    const request = requestOf(batch, 5, known);
    const { tokens, painted } = decoder.decode(request);
    const expected = await decoderLogProbs(inspected, request, vocab, temperature);
    using _scope = device.scope();
    const paintings = orderPaintings({ tokens, painted, classes: device.tensor(request.classes) });
    const { logits, targets } = drawnLogits(model, paintings, { guidance, temperature });
    const [found, drawn, order, ids, canvas] = await device.read([
      logSoftmax(logits),
      paintings.drawn,
      paintings.order,
      targets,
      tokens,
    ]);
    let compared = 0;
    for (let at = 0; at < batch * cells; at++) {
      const cell = Math.floor(at / cells) * cells + order![at]!;
      assert.equal(ids![at], canvas![cell]);
      assert.equal(drawn![at], expected.has(cell) ? 1 : 0);
      if (!drawn![at]) continue;
      assertAllClose(found!.subarray(at * vocab, (at + 1) * vocab), expected.get(cell)!, 1e-4, `cell ${cell}`);
      compared++;
    }
    assert.equal(compared, batch * cells - (known ? 3 * 4 : 0));
    frozen.dispose();
  });
}

Deno.test("somePaintings: rows of every part of the paintings", async () => {
  const device = await testDevice();
  using _scope = device.scope();
  const ids = (...values: number[]) => device.tensor(Int32Array.from(values), [3, values.length / 3]);
  const paintings = orderPaintings({
    tokens: ids(1, 2, 3, 4, 5, 6),
    painted: ids(0, 1, 1, 0, -1, 0),
    classes: device.tensor(Int32Array.of(7, 8, 9)),
  });
  const some = somePaintings(paintings, 1, 3);
  const rows = await device.read(Object.values(some));
  const expected = { tokens: [3, 4, 5, 6], classes: [8, 9], order: [1, 0, 0, 1], steps: [0, 1, 0, 1] };
  const more = { share: [0.5, 1, 0.5, 1], drawn: [1, 1, 0, 1] };
  assert.deepEqual(
    Object.fromEntries(Object.keys(some).map((name, i) => [name, [...rows[i]!]])),
    { ...expected, ...more },
  );
});
