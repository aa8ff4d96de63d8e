import assert from "node:assert/strict";
import { type HostMatrix, packGated, packWeights, padded } from "../../src/models/frozen_weights.ts";
import { fetchTexture } from "../gpu/kernels.ts";
import { testDevice } from "../support/device.ts";
import { seededRandom } from "../support/random.ts";

const random = seededRandom(4);
const matrix = (out: number, inner: number): HostMatrix => ({
  data: Float32Array.from({ length: out * inner }, () => 2 * random() - 1),
  out,
  in: inner,
});

/** The packed weight that `column` describes: where the columns of the product come from, null for padding. */
function expected(
  rows: number,
  columns: readonly (readonly [HostMatrix, number] | null)[],
  gain: Float32Array | null,
  round: (value: number) => number,
): number[] {
  return Array.from({ length: rows * columns.length }, (_, i) => {
    const k = Math.floor(i / columns.length), source = columns[i % columns.length];
    if (!source || k >= source[0].in) return 0;
    return round(Math.fround(source[0].data[source[1] * source[0].in + k]! * (gain ? gain[k]! : 1)));
  });
}

for (const [dtype, round] of [["float32", Math.fround], ["float16", Math.f16round]] as const) {
  Deno.test(`packWeights, ${dtype}: matrices side by side, transposed, with the gain, padded to fours`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const q = matrix(6, 5), k = matrix(3, 5), gain = Float32Array.of(1, -2, 0.5, 3, 0.25);
    const columns = [q, k].flatMap((m) =>
      Array.from({ length: padded(m.out, 4) }, (_, row) => row < m.out ? [m, row] as const : null)
    );
    for (const folded of [gain, null]) {
      const packed = packWeights(device, [q, k], dtype, folded ?? undefined);
      assert.deepEqual([packed.in, packed.out, packed.texture.shape], [8, 12, [8, 12]]);
      assert.deepEqual([...await fetchTexture(packed.texture).data()], expected(8, columns, folded, round));
      packed.texture.dispose();
    }
  });

  Deno.test(`packGated, ${dtype}: gate and value take turns every 32 columns, the last turn padded`, async () => {
    const device = await testDevice();
    using _scope = device.scope();
    const gate = matrix(36, 6), value = matrix(36, 6), gain = Float32Array.from({ length: 6 }, (_, k) => k - 2);
    const turn = (m: HostMatrix, from: number) =>
      Array.from({ length: 32 }, (_, i) => from + i < m.out ? [m, from + i] as const : null);
    const columns = [...turn(gate, 0), ...turn(value, 0), ...turn(gate, 32), ...turn(value, 32)];
    const packed = packGated(device, gate, value, dtype, gain);
    assert.deepEqual([packed.in, packed.out], [8, 128]);
    assert.deepEqual([...await fetchTexture(packed.texture).data()], expected(8, columns, gain, round));
    packed.texture.dispose();
  });
}

Deno.test("packed weights outlive the scope in which they are made", async () => {
  const device = await testDevice();
  const packed = (() => {
    using _scope = device.scope();
    return packWeights(device, [matrix(4, 4)], "float32");
  })();
  assert.ok(packed.texture.storage.alive);
  packed.texture.dispose();
});
