import { type LlamaGenConfig, llamaGenSizes } from "../../src/models/llamagen_config.ts";

/** Weights by their published names, row by row. */
export type Weights64 = ReadonlyMap<string, Float64Array>;

/** `W x` for a matrix `[out, in]`. */
function times(w: Float64Array, x: Float64Array): Float64Array {
  const inner = x.length;
  const y = new Float64Array(w.length / inner);
  for (let o = 0; o < y.length; o++) y[o] = dot(w.subarray(o * inner, (o + 1) * inner), x);
  return y;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function norm(x: Float64Array, gain: Float64Array): Float64Array {
  const scale = 1 / Math.sqrt(dot(x, x) / x.length + 1e-5);
  return x.map((value, c) => value * scale * gain[c]!);
}

/** Turns the pairs of a head by the row and the column of a cell; the class, -1, stands nowhere and becomes zero. */
function rotate(head: Float64Array, cell: number, width: number): Float64Array {
  if (cell < 0) return head.map(() => 0);
  const pairs = head.length / 2, quarter = pairs / 2, turned = new Float64Array(head.length);
  for (let p = 0; p < pairs; p++) {
    const at = p < quarter ? Math.floor(cell / width) : cell % width;
    const angle = at * 10000 ** (-(p % quarter) / quarter), [x, y] = [head[2 * p]!, head[2 * p + 1]!];
    turned[2 * p] = x * Math.cos(angle) - y * Math.sin(angle);
    turned[2 * p + 1] = y * Math.cos(angle) + x * Math.sin(angle);
  }
  return turned;
}

/**
 * A LlamaGen in plain float64 loops (arXiv 2406.06525): logits of every cell of one picture, given the tokens before it.
 *
 * @param label the class; `config.classes` for none.
 */
export function logits64(
  weights: Weights64,
  config: LlamaGenConfig,
  tokens: Int32Array,
  label: number,
): Float64Array[] {
  const { dim, heads, layers } = config, { width, headSize } = llamaGenSizes(config);
  const of = (name: string) => weights.get(`${name}.weight`)!;
  const row = (name: string, id: number) => of(name).subarray(id * dim, (id + 1) * dim);
  const inputs = [row("cls_embedding.embedding_table", label)];
  for (const id of tokens.subarray(0, -1)) inputs.push(row("tok_embeddings", id));
  let x = inputs;
  for (let l = 0; l < layers; l++) {
    const at = `layers.${l}`;
    const qkv = x.map((token) => times(of(`${at}.attention.wqkv`), norm(token, of(`${at}.attention_norm`))));
    const part = (t: number, which: number, h: number) => {
      const from = which * dim + h * headSize;
      return qkv[t]!.subarray(from, from + headSize);
    };
    x = x.map((token, t) => {
      const seen = new Float64Array(dim);
      for (let h = 0; h < heads; h++) {
        const q = rotate(part(t, 0, h), t - 1, width);
        const scores = Array.from(
          { length: t + 1 },
          (_, s) => Math.exp(dot(q, rotate(part(s, 1, h), s - 1, width)) / Math.sqrt(headSize)),
        );
        const total = scores.reduce((a, b) => a + b);
        scores.forEach((score, s) => part(s, 2, h).forEach((v, d) => seen[h * headSize + d]! += score / total * v));
      }
      const added = times(of(`${at}.attention.wo`), seen), h = token.map((value, c) => value + added[c]!);
      const normed = norm(h, of(`${at}.ffn_norm`)), gate = times(of(`${at}.feed_forward.w1`), normed);
      const value = times(of(`${at}.feed_forward.w3`), normed).map((v, f) => v * gate[f]! / (1 + Math.exp(-gate[f]!)));
      const more = times(of(`${at}.feed_forward.w2`), value);
      return h.map((each, c) => each + more[c]!);
    });
  }
  return x.map((token) => times(of("output"), norm(token, of("norm"))));
}

/** Log-probabilities of a picture's tokens under the guided logits over the temperature, cell by cell. */
export function logProbs64(
  weights: Weights64,
  config: LlamaGenConfig,
  tokens: Int32Array,
  label: number,
  { guidance, temperature }: { readonly guidance: number; readonly temperature: number },
): Float64Array {
  const own = logits64(weights, config, tokens, label), none = logits64(weights, config, tokens, config.classes);
  return Float64Array.from(tokens, (id, t) => {
    const scaled = own[t]!.map((c, v) => (none[t]![v]! + guidance * (c - none[t]![v]!)) / temperature);
    const peak = Math.max(...scaled);
    return scaled[id]! - peak - Math.log(scaled.reduce((sum, value) => sum + Math.exp(value - peak), 0));
  });
}
