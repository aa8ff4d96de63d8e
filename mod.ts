/**
 * Stipple: tensors with gradients on WebGPU for Deno, and reinforcement learning of autoregressive image generators.
 *
 * ```ts
 * import { AdamW, Device, gradients, Initializer, Linear, mean, square, sub } from "@stipple/stipple";
 *
 * const device = await Device.open();
 * const x = device.tensor([0, 1, 2, 3], [4, 1]);
 * const wanted = device.tensor([1, 3, 5, 7], [4, 1]); // 2 x + 1
 * const line = new Linear(new Initializer(device, 1), 1, 1);
 * const optimizer = new AdamW(device, [line.weight, line.bias], { weightDecay: 0 });
 * optimizer.learningRate.value = 0.1;
 *
 * for (let step = 0; step < 200; step++) {
 *   using _step = device.scope();
 *   const loss = mean(square(sub(line.forward(x), wanted)));
 *   optimizer.advance();
 *   optimizer.step(gradients(loss, [line.weight, line.bias]));
 * }
 *
 * const weight = await line.weight.item();
 * if (Math.abs(weight - 2) > 0.05) throw new Error(`expected a slope of 2, got ${weight}`);
 * device.destroy();
 * ```
 *
 * @module
 */
export { UserError } from "./src/error.ts";

// Runtime: adapter, memory, recorder. `Device` is what programs use; `Device.gpu` gives access to its parts.
export type { Feature, OpenedAdapter } from "./src/gpu/adapter.ts";
export type { Copy, Cost, Dispatch, Grid, Pass } from "./src/gpu/command_list.ts";
export type { ErrorLog } from "./src/gpu/error_log.ts";
export { Gpu, type GpuOptions } from "./src/gpu/gpu.ts";
export type { Kernel, KernelCache, Overrides, ShaderSource } from "./src/gpu/kernel.ts";
export {
  type AdapterClass,
  adapterClass,
  defaultTable,
  type HeavyOp,
  kernelFamilies,
  type KernelFamily,
  type KernelTable,
} from "./src/gpu/kernel_table.ts";
export { type ParamBlock, type ParamValue, type ParamValues, type Patch, Scalar } from "./src/gpu/params.ts";
export type { BufferPool, MemoryKind, PoolCounters, PooledMemory } from "./src/gpu/pool.ts";
export type { KernelProfile, Profiler } from "./src/gpu/profiler.ts";
export type { BufferPart, Readback } from "./src/gpu/readback.ts";
export type { Recorder, Recording } from "./src/gpu/recorder.ts";
export type { ParamField, Shader } from "./src/gpu/wgsl.ts";

// Tensors: lifetimes, gradients, random numbers.
export type { Captured } from "./src/tensor/captured.ts";
export { Device, type DispatchGrid, foldGrid, type Launch } from "./src/tensor/device.ts";
export type { DType } from "./src/tensor/dtype.ts";
export type { HostArray, HostTensor } from "./src/tensor/host_tensor.ts";
export { permutation, philox, type PhiloxWords, type RandomKey, unitFloat } from "./src/tensor/philox.ts";
export type { Scope, Storage } from "./src/tensor/scope.ts";
export type { Shape } from "./src/tensor/shape.ts";
export { addGradients, gradients, type TapeNode } from "./src/tensor/tape.ts";
export { Tensor } from "./src/tensor/tensor.ts";

// Ops.
export { argmax } from "./src/ops/argmax.ts";
export { attention, type AttentionOptions, type AttentionVariant } from "./src/ops/attention.ts";
export { avgPool2d } from "./src/ops/avg_pool2d.ts";
export { categoricalKl } from "./src/ops/categorical_kl.ts";
export { clamp } from "./src/ops/clamp.ts";
export { concat } from "./src/ops/concat.ts";
export { conv2d, type Conv2dOptions, type Padding } from "./src/ops/conv2d.ts";
export { crossEntropy } from "./src/ops/cross_entropy.ts";
export { add, div, maximum, minimum, mul, sub, type Term } from "./src/ops/elementwise_binary.ts";
export {
  exp,
  gelu,
  geluTanh,
  log,
  neg,
  quickGelu,
  relu,
  rsqrt,
  sigmoid,
  silu,
  sqrt,
  square,
  tanh,
} from "./src/ops/elementwise_unary.ts";
export { embedding } from "./src/ops/embedding.ts";
export { entropy } from "./src/ops/entropy.ts";
export { gather } from "./src/ops/gather.ts";
export { type AdvantageForm, type AdvantageOptions, groupAdvantage } from "./src/ops/group_advantage.ts";
export { groupNorm } from "./src/ops/group_norm.ts";
export { type ClipRange, grpoLoss, type GrpoOptions, grpoStatistics, type GrpoTokens } from "./src/ops/grpo_loss.ts";
export { gumbelTopK, type TopKOptions } from "./src/ops/gumbel_top_k.ts";
export { type ImageStatistics, imageStatistics, type LaplacianBorder } from "./src/ops/image_statistics.ts";
export { layerNorm } from "./src/ops/layer_norm.ts";
export { logSoftmax } from "./src/ops/log_softmax.ts";
export { lstm, type LstmLayer, type LstmState } from "./src/ops/lstm.ts";
export { matmul, type MatmulOptions } from "./src/ops/matmul.ts";
export type { Epilogue, Layout } from "./src/ops/matmul_product.ts";
export { maxPool2d } from "./src/ops/max_pool2d.ts";
export { defineOp, type GradOf, type Op, type OpDefinition, type Outputs, type Run } from "./src/ops/op.ts";
export type { Pool2dOptions } from "./src/ops/pool2d_geometry.ts";
export { permute } from "./src/ops/permute.ts";
export { plackettLuce } from "./src/ops/plackett_luce.ts";
export { gaussianCloseness, plackettLuceWithRepulsion, type Repulsion } from "./src/ops/plackett_luce_repulsion.ts";
export { sampleWithRepulsion } from "./src/ops/plackett_luce_sample.ts";
export { randomNormal, randomUniform } from "./src/ops/random.ts";
export { type Axes, logsumexp, max, mean, sum, variance } from "./src/ops/reduce.ts";
export { reshape } from "./src/ops/reshape.ts";
export { rmsNorm } from "./src/ops/rms_norm.ts";
export { rotary2d, rotaryTable2d } from "./src/ops/rotary_2d.ts";
export { sampleCategorical, type SampleOptions } from "./src/ops/sample_categorical.ts";
export { slice } from "./src/ops/slice.ts";
export { softmax } from "./src/ops/softmax.ts";
export { upsampleNearest2d } from "./src/ops/upsample_nearest2d.ts";
export { where } from "./src/ops/where.ts";

// Layers and optimisers.
export { Conv2d } from "./src/nn/conv2d.ts";
export { dropout, keepMask } from "./src/nn/dropout.ts";
export { Embedding } from "./src/nn/embedding.ts";
export { Initializer } from "./src/nn/init.ts";
export { Linear } from "./src/nn/linear.ts";
export { Lstm } from "./src/nn/lstm.ts";
export {
  type LoadOptions,
  loadParameters,
  loadParametersFrom,
  type Module,
  nestParameters,
  type WeightSource,
} from "./src/nn/module.ts";
export { Projection } from "./src/nn/projection.ts";
export { RmsNorm } from "./src/nn/rms_norm.ts";
export { AdamW, type AdamWOptions } from "./src/optim/adamw.ts";
export { Ema } from "./src/optim/ema.ts";
export { gradientNorm } from "./src/optim/gradient_norm.ts";
export { Muon, type MuonOptions } from "./src/optim/muon.ts";
export type { Optimizer } from "./src/optim/optimizer.ts";
export { constant, cosine, type Schedule, warmup } from "./src/optim/schedule.ts";

// Models and their training.
export { Arpg, type ArpgForwardOptions, type ArpgOutput } from "./src/models/arpg.ts";
export { ArpgBlock, type BlockContext } from "./src/models/arpg_block.ts";
export { type ArpgConfig, arpgPresets, arpgShapes, type ArpgSizes, arpgSizes } from "./src/models/arpg_config.ts";
export { ArpgDecoder, type ArpgDecoderOptions, type Decoded } from "./src/models/arpg_decoder.ts";
export { Classifier } from "./src/models/classifier.ts";
export { Clip, type ClipEncoders } from "./src/models/clip.ts";
export {
  type ClipConfig,
  clipPresets,
  clipShapes,
  type ClipTextConfig,
  type ClipTowerConfig,
  type ClipVisionConfig,
} from "./src/models/clip_config.ts";
export { clipDeviation, clipMean, ClipPreprocess } from "./src/models/clip_preprocess.ts";
export {
  ClipEncoder,
  ClipLayer,
  type ClipLinear,
  type ClipLinearMaker,
  type ClipVisibility,
} from "./src/models/clip_encoder.ts";
export { ClipTextTower } from "./src/models/clip_text.ts";
export { type ClipTextLimits, ClipTokenizer } from "./src/models/clip_tokenizer.ts";
export { ClipVisionTower } from "./src/models/clip_vision.ts";
export { cellOrder, type DecodeOrder, decodeOrders, knownFirst } from "./src/models/decode_order.ts";
export { Discriminator, type DiscriminatorConfig } from "./src/models/discriminator.ts";
export type { DecodePlan, DecodeRequest } from "./src/models/decode_request.ts";
export { type DecodeSchedule, decodeSchedules, groupSizes } from "./src/models/decode_schedule.ts";
export type { Guidance, Sampling } from "./src/models/decode_step.ts";
export { type DropoutRates, type Dropouts, keyedDropouts, noDropout } from "./src/models/dropouts.ts";
export { FrozenArpg, type FrozenBlock } from "./src/models/frozen_arpg.ts";
export { FrozenClip, type FrozenClipOptions } from "./src/models/frozen_clip.ts";
export type { FrozenDtype, PackedWeight } from "./src/models/frozen_weights.ts";
export { guide } from "./src/models/guidance.ts";
export { Inception } from "./src/models/inception.ts";
export { inceptionClasses, inceptionFeatures, inceptionShapes } from "./src/models/inception_layout.ts";
export { Judge } from "./src/models/judge.ts";
export { LlamaGen, type LlamaGenForwardOptions } from "./src/models/llamagen.ts";
export { LlamaGenBlock } from "./src/models/llamagen_block.ts";
export { type LlamaGenConfig, llamaGenPresets, llamaGenShapes, llamaGenSizes } from "./src/models/llamagen_config.ts";
export type { LlamaGenDecodeOptions, LlamaGenImages } from "./src/models/llamagen_decoder.ts";
export { LlamaGenPainter } from "./src/models/llamagen_painter.ts";
export { arpgMetadata, loadArpg } from "./src/models/load_arpg.ts";
export { type GenerateOptions, LstmGenerator, type LstmGeneratorConfig } from "./src/models/lstm_generator.ts";
export { MlpClassifier } from "./src/models/mlp_classifier.ts";
export { SplitEmbedding } from "./src/models/split_embedding.ts";
export { StridedClassifier } from "./src/models/strided_classifier.ts";
export type { GroupNorm, ImageLayer } from "./src/models/vq_blocks.ts";
export type { VqCoder } from "./src/models/vq_coder.ts";
export { vq16, type VqConfig } from "./src/models/vq_config.ts";
export type { Quantized, VqQuantizer } from "./src/models/vq_quantizer.ts";
export { loadVqTokenizer, type VqReconstruction, VqTokenizer, vqTokenizerOf } from "./src/models/vq_tokenizer.ts";
export type { TokenModelConfig, TokenModelSizes } from "./src/models/token_model_sizes.ts";
export { SwiGlu, swigluWidth } from "./src/models/swiglu.ts";
export { ClassicPolicy, type ClassicPolicyConfig } from "./src/policy/classic_policy.ts";
export {
  type Decision,
  type DecisionLogProbs,
  decisionLogProbs,
  invalidLogit,
  jointLogProb,
  maskHeads,
  type PolicyHeads,
  type ValidActions,
} from "./src/policy/decision.ts";
export { DecodingPolicy, type PolicyOutput } from "./src/policy/decoding_policy.ts";
export {
  type DecodingPolicyConfig,
  decodingPolicyShapes,
  type PolicyPrior,
} from "./src/policy/decoding_policy_config.ts";
export { type DegreeLimits, DegreeRule, spacedDegrees } from "./src/policy/degree_rule.ts";
export {
  handCount,
  handDegreeBias,
  type HandKernel,
  type HandScheduleTables,
  handScheduleTables,
} from "./src/policy/hand_schedule.ts";
export {
  canvasFeatures,
  cellFeatures,
  type ObservedCanvas,
  type PolicyState,
  policyState,
  type StateForm,
} from "./src/policy/policy_state.ts";
export { LayerNorm } from "./src/nn/layer_norm.ts";
export { type AestheticHead, readAestheticHead } from "./src/rewards/aesthetic_head.ts";
export { AestheticReward } from "./src/rewards/aesthetic_reward.ts";
export { ClassifierReward, type ClassifierRewardForm } from "./src/rewards/classifier_reward.ts";
export { ClipFeatures } from "./src/rewards/clip_features.ts";
export { readClassNames } from "./src/rewards/clip_names.ts";
export { embedClasses } from "./src/rewards/clip_prompts.ts";
export { ClipReward, type ClipRewardForm } from "./src/rewards/clip_reward.ts";
export { Efficiency, type EfficiencyForm } from "./src/rewards/efficiency.ts";
export {
  fitLatency,
  type LatencyCoefficients,
  type LatencyMeasurement,
  LatencyModel,
} from "./src/rewards/latency_model.ts";
export { QualityConstraint, type QualityConstraintOptions } from "./src/rewards/quality_constraint.ts";
export { calibrateQuality, type QualityCalibration, type Quantiles } from "./src/rewards/quality_calibration.ts";
export { type ClassicQuality, classicQuality, type QualityForm, QualityReward } from "./src/rewards/quality_reward.ts";
export {
  type DiscriminatorOptions,
  DiscriminatorReward,
  type DiscriminatorView,
  type RealImages,
} from "./src/rewards/realism_discriminator.ts";
export { loadUserReward, type UserReward, type UserRewardBatch } from "./src/rewards/user_reward.ts";
export { combineRewards, type RewardCombination, type WeightedScores } from "./src/rewards/combine.ts";
export { FidelityReward } from "./src/rewards/fidelity_reward.ts";
export { type MomentsOptions, MomentsReward } from "./src/rewards/realism_moments.ts";
export type { AdaptiveReward, PaintedImages, Reward, WeightedReward } from "./src/rewards/reward.ts";
export { ArGrpo, type ArGrpoOptions, type UpdateMetrics } from "./src/rl/ar_grpo.ts";
export { ArpgBatches } from "./src/rl/arpg_batches.ts";
export { ArpgLikelihood, type ArpgLikelihoodOptions } from "./src/rl/arpg_likelihood.ts";
export { ClipTraining, type ClipTrainingOptions } from "./src/rl/clip_training.ts";
export { contrastiveLoss } from "./src/rl/contrastive_loss.ts";
export { type FrozenCopy, generatorColumns, type GeneratorExperience, GeneratorGrpo } from "./src/rl/generator_grpo.ts";
export type { GeneratorGrpoOptions } from "./src/rl/generator_options.ts";
export { MaximumLikelihood, type MaximumLikelihoodOptions } from "./src/rl/maximum_likelihood.ts";
export type { DrawnFrom, PaintedTokens, PaintingModel } from "./src/models/painting_likelihood.ts";
export { type Normalisation, tokenWeights } from "./src/rl/token_weights.ts";
export { type FeatureExtractor, type VqLossOptions, VqTraining, type VqTrainingOptions } from "./src/rl/vq_training.ts";

// Evaluation.
export {
  ArpgPainter,
  type KnownCells,
  type Paintings,
  type PaintOptions,
  type PaintSettings,
  type PolicySettings,
} from "./src/eval/arpg_painter.ts";
export type { NoiseSettings } from "./src/eval/token_painting.ts";
export {
  type BootstrapInterval,
  bootstrapInterval,
  type BootstrapOptions,
  meanInterval,
} from "./src/eval/bootstrap.ts";
export { type Classification, classify, type JudgeScore, scoreOf } from "./src/eval/classify.ts";
export { DigitsYardstick, type PictureScore } from "./src/eval/digits_yardstick.ts";
export { type LabelledImages, relativeDiversity } from "./src/eval/diversity.ts";
export {
  arpgMethod,
  type DecodingMethod,
  handMethod,
  otherHandMethods,
  policyMethod,
  type TokenSampling,
} from "./src/eval/decoding_method.ts";
export { type FeatureNetwork, inceptionNetwork, judgeNetwork, type PictureSizes } from "./src/eval/feature_network.ts";
export { frechetDistance, type FrechetStatistics, frechetStatistics } from "./src/eval/frechet.ts";
export { frechetInterval, frechetOfResamples } from "./src/eval/frechet_interval.ts";
export { type Prdc, prdc, prdcNeighbours } from "./src/eval/density_coverage.ts";
export { drawVectors, type Spread, spreadOf, subsetKernelDistance } from "./src/eval/feature_subsets.ts";
export {
  type ImageMetricName,
  imageMetricNames,
  imageMetrics,
  type PictureMeasurements,
} from "./src/eval/image_metrics.ts";
export { inceptionScore } from "./src/eval/inception_score.ts";
export { InceptionSplits } from "./src/eval/inception_splits.ts";
export type { Augmentation } from "./src/eval/judge_batches.ts";
export { kernelDistance } from "./src/eval/kid.ts";
export { type MethodPictures, paintPictures } from "./src/eval/method_pictures.ts";
export { MethodScoring, type OnPictures, type SampleSets, type ScoredMethod } from "./src/eval/method_scoring.ts";
export type { BriefMethod, TrialPlan } from "./src/eval/method_trials.ts";
export { type BriefScore, type Estimate, type FullScore, MethodYardstick } from "./src/eval/method_yardstick.ts";
export {
  type OrderSearchOptions,
  type OrderSearchResult,
  type PictureReward,
  type RewardOfPaintings,
  searchOrders,
} from "./src/eval/order_search.ts";
export { type PaintingDecisions, paintingDecisions } from "./src/eval/painting_decisions.ts";
export {
  comparePolicy,
  picturesOf,
  type PolicyComparison,
  type PolicyComparisonParts,
  type PolicyComparisonPlan,
} from "./src/eval/policy_comparison.ts";
export { type PrecisionRecall, precisionRecall } from "./src/eval/precision_recall.ts";
export { RunningStatistics } from "./src/eval/running_statistics.ts";
export { compareAtTargets, type TargetComparison, type TargetComparisonOptions } from "./src/eval/target_comparison.ts";
export { type JudgeTraining, trainJudge } from "./src/eval/train_judge.ts";
export { type ClipFiles, clipTokenizer, loadClip, loadFrozenClip, saveClip } from "./src/jobs/clip_files.ts";
export { loadJudge } from "./src/jobs/judge_file.ts";
export { openPainter } from "./src/jobs/open_painter.ts";
export { loadPolicy, savePolicy } from "./src/jobs/policy_file.ts";

// Data and files.
export { type Digits, loadMnist, resizeDigits, splitDigits, type SplitSizes } from "./src/data/digits.ts";
export { type IdxImages, readIdxDigits, readIdxImages, readIdxLabels } from "./src/data/idx.ts";
export { resizeBilinear } from "./src/data/resize.ts";
export { shiftDigits, type ShiftKey } from "./src/data/shift.ts";
export type { Dtype } from "./src/io/dtype.ts";
export { readTokenCodes, type TokenCodes, type TokenLimits, writeTokenCodes } from "./src/data/token_codes.ts";
export { encodeNpy, type NpyArray, type NpyContent, type NpyData, parseNpy, readNpy, writeNpy } from "./src/io/npy.ts";
export { encodeNpz, parseNpz, readNpz, writeNpz } from "./src/io/npz.ts";
export {
  encodeSafetensors,
  parseSafetensors,
  readSafetensors,
  type Safetensors,
  writeSafetensors,
} from "./src/io/safetensors.ts";
export type { FloatDtype, SafetensorsOptions } from "./src/io/safetensors_layout.ts";
export { parseTorchCheckpoint, readTorchCheckpoint } from "./src/io/torch_checkpoint.ts";
export type { WeightContent, WeightEntry } from "./src/io/weight_content.ts";
export { openSafetensors, openTorchCheckpoint, openWeights, type WeightFile } from "./src/io/weight_file.ts";
export { readWeights } from "./src/io/weights.ts";
