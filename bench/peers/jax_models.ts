/** The models of the `steps` suite and AdamW in jax-js, whose arrays are used once: `ref` is one more use. */
import { type Array as JaxArray, lax, nn, numpy as np } from "@jax-js/jax";
import { adamw } from "../suites/adamw_settings.ts";
import { type StepName, transformer } from "../suites/step_cases.ts";
import { crossEntropy, layerNorm, lstmCell, oneHot } from "./jax_kernels.ts";

type Parameters = Readonly<Record<string, JaxArray>>;
type Model = (p: Parameters, x: JaxArray, targets: JaxArray) => JaxArray;

/** One update of a parameter p with moments m and v at step t: the new p, m and v. */
export function jaxAdamw(p: JaxArray, m: JaxArray, v: JaxArray, g: JaxArray, t: JaxArray): JaxArray[] {
  const { learningRate, beta1, beta2, eps, weightDecay } = adamw;
  const first = m.mul(beta1).add(g.ref.mul(1 - beta1)), second = v.mul(beta2).add(np.square(g).mul(1 - beta2));
  const correction = (beta: number) => np.exp(t.ref.mul(Math.log(beta))).neg().add(1);
  const bias1 = correction(beta1), bias2 = correction(beta2);
  t.dispose();
  const change = first.ref.div(bias1).div(np.sqrt(second.ref.div(bias2)).add(eps)).mul(learningRate);
  return [p.mul(1 - learningRate * weightDecay).sub(change), first, second];
}

const linear = (p: Parameters, name: string, x: JaxArray) =>
  np.matmul(x, np.matrixTranspose(p[`${name}.weight`]!.ref)).add(p[`${name}.bias`]!.ref);

const meanCrossEntropy = (logits: JaxArray, targets: JaxArray) => np.mean(crossEntropy(logits, targets.reshape([-1])));

/** Rows of the table as a product with one-hot ids: the gradient of a gather does not compile in Deno. */
const embed = (table: JaxArray, ids: JaxArray) => np.matmul(oneHot(ids, table.shape[0]!), table);

const cnn: Model = (p, x, targets) => {
  const block = (image: JaxArray, name: string) => {
    const bias = p[`${name}.bias`]!.ref.reshape([-1, 1, 1]);
    const y = nn.relu(lax.conv(image, p[`${name}.weight`]!.ref, [1, 1], "SAME").add(bias));
    const [b, c, h, w] = y.shape as [number, number, number, number];
    return np.max(y.reshape([b, c, h / 2, 2, w / 2, 2]), [3, 5]);
  };
  const batch = x.shape[0]!;
  const features = block(block(x, "conv1"), "conv2").reshape([batch, -1]);
  return meanCrossEntropy(linear(p, "fc2", nn.relu(linear(p, "fc1", features))), targets);
};

const lstm: Model = (p, x, targets) => {
  const [batch, steps] = x.shape as [number, number];
  const width = p["embedding"]!.shape[1]!;
  const embedded = embed(p["embedding"]!.ref, x);
  const layer = ["lstm.weight_ih", "lstm.weight_hh", "lstm.bias_ih", "lstm.bias_hh"].map((name) => p[name]!);
  let h = np.zeros([batch, width]), c = np.zeros([batch, width]);
  const outputs: JaxArray[] = [];
  for (let t = 0; t < steps; t++) {
    const now = embedded.ref.slice([], t);
    [h, c] = lstmCell(now, h, c, ...layer.map((weight) => weight.ref));
    outputs.push(h.ref);
  }
  return meanCrossEntropy(linear(p, "output", np.stack(outputs, 1).reshape([-1, width])), targets);
};

const transformerModel: Model = (p, ids, targets) => {
  const { width, heads, layers, batch, tokens } = transformer;
  let x = embed(p["embedding"]!.ref, ids).add(p["positions"]!.ref).reshape([-1, width]);
  const norm = (name: string) => layerNorm(x.ref, p[`${name}.gain`]!.ref, p[`${name}.bias`]!.ref);
  const headsOf = (part: JaxArray) => part.reshape([batch, tokens, heads, width / heads]);
  for (let l = 0; l < layers; l++) {
    const [q, k, v] = np.split(linear(p, `${l}.qkv`, norm(`${l}.norm1`)), 3, 1).map(headsOf);
    const seen = nn.dotProductAttention(q!, k!, v!, { isCausal: true }).reshape([-1, width]);
    x = x.add(linear(p, `${l}.proj`, seen));
    x = x.add(linear(p, `${l}.down`, nn.gelu(linear(p, `${l}.up`, norm(`${l}.norm2`)), { approximate: true })));
  }
  return meanCrossEntropy(linear(p, "head", x), targets);
};

/** By name. */
export const jaxModels: Readonly<Record<StepName, Model>> = { cnn, lstm, transformer: transformerModel };
