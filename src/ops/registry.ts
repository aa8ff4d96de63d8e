/**
 * Every op with a tensor input, one line each; tests/ops/registry_test.ts holds each of them to the rules of
 * CONTRIBUTING.md. Random numbers have no input and the optimiser's kernels work on lists of tensors: those are plain
 * functions over `Device.launch`, as are `reshape`, which has no kernel, and compositions of ops.
 *
 * @module
 */
export { argmaxOp } from "./argmax.ts";
export { attentionOp } from "./attention.ts";
export { avgPool2dOp } from "./avg_pool2d.ts";
export { categoricalKlOp } from "./categorical_kl.ts";
export { clampOp } from "./clamp.ts";
export { concatOp } from "./concat.ts";
export { conv2dOp } from "./conv2d.ts";
export { crossEntropyOp } from "./cross_entropy.ts";
export { elementwiseBinaryOp } from "./elementwise_binary.ts";
export { elementwiseUnaryOp } from "./elementwise_unary.ts";
export { embeddingOp } from "./embedding.ts";
export { entropyOp } from "./entropy.ts";
export { gatherOp } from "./gather.ts";
export { groupAdvantageOp } from "./group_advantage.ts";
export { groupNormOp } from "./group_norm.ts";
export { grpoLossOp } from "./grpo_loss.ts";
export { gumbelTopKOp } from "./gumbel_top_k.ts";
export { imageStatisticsOp } from "./image_statistics.ts";
export { layerNormOp } from "./layer_norm.ts";
export { logSoftmaxOp } from "./log_softmax.ts";
export { lstmOp } from "./lstm.ts";
export { matmulOp } from "./matmul.ts";
export { maxPool2dOp } from "./max_pool2d.ts";
export { orderTokensOp } from "./order_tokens.ts";
export { paintingOrderOp } from "./painting_order.ts";
export { permuteOp } from "./permute.ts";
export { plackettLuceOp } from "./plackett_luce.ts";
export { plackettLuceRepulsionOp } from "./plackett_luce_repulsion.ts";
export { plackettLuceSampleOp } from "./plackett_luce_sample.ts";
export { reduceOp } from "./reduce.ts";
export { rmsNormOp } from "./rms_norm.ts";
export { rotary2dOp } from "./rotary_2d.ts";
export { sampleCategoricalOp } from "./sample_categorical.ts";
export { sliceOp } from "./slice.ts";
export { softmaxOp } from "./softmax.ts";
export { upsampleNearest2dOp } from "./upsample_nearest2d.ts";
export { whereOp } from "./where.ts";
