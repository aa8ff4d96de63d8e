import { unitRows } from "../models/clip.ts";
import { minimum, mul, sub } from "../ops/elementwise_binary.ts";
import { exp } from "../ops/elementwise_unary.ts";
import { matmul } from "../ops/matmul.ts";
import { logsumexp, mean, sum } from "../ops/reduce.ts";
import { requireRank, requireShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Largest logarithm of the scale that counts: "to prevent scaling the logits by more than 100". */
const mostLogitScale = Math.log(100);

/**
 * The symmetric contrastive loss of CLIP (Radford et al. 2021, arXiv 2103.00020, section 2.3 and figure 3; InfoNCE of
 * both directions): with cosines `c_ij` of image i and text j of a group of N pairs and `s = min(e^logitScale, 100)`,
 * `-1/2N sum_i log (e^(s c_ii) / sum_j e^(s c_ij)) + log (e^(s c_ii) / sum_j e^(s c_ji))`, averaged over the groups.
 * Where the scale is at its bound it gets no gradient.
 *
 * Every other text of a group counts as wrong for an image: pairs that mean the same belong into different groups.
 *
 * @param images `[G, N, P]`, embeddings of any length.
 * @param texts `[G, N, P]`, text i being that of image i.
 * @returns `[]`, in nats.
 * @throws {RangeError} for shapes that do not match.
 */
export function contrastiveLoss(images: Tensor, texts: Tensor, logitScale: Tensor): Tensor {
  requireRank("contrastiveLoss", "images", images.shape, 3);
  requireShape("contrastiveLoss", "texts", texts.shape, images.shape);
  const scaled = mul(unitRows(images), exp(minimum(logitScale, mostLogitScale))), units = unitRows(texts);
  const logits = matmul(scaled, units, { layout: "nt" });
  const both = mul(mean(logsumexp(logits, 2)), 0.5), own = mean(sum(mul(scaled, units), 2));
  return sub(both, sub(own, mul(mean(logsumexp(logits, 1)), 0.5)));
}
