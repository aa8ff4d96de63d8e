import type { Digits } from "../data/digits.ts";
import type { Judge } from "../models/judge.ts";
import { mul } from "../ops/elementwise_binary.ts";
import { logSoftmax } from "../ops/log_softmax.ts";
import { sum } from "../ops/reduce.ts";
import { AdamW } from "../optim/adamw.ts";
import { cosine, warmup } from "../optim/schedule.ts";
import type { Device } from "../tensor/device.ts";
import { gradients } from "../tensor/tape.ts";
import { type Augmentation, JudgeBatches } from "./judge_batches.ts";

/** How long to train a judge, and with what randomness. */
export interface JudgeTraining {
  /** Passes over the digits: at 8x8, 8 take the convolutional judge, 12 the fully connected one to about 97 %. */
  readonly epochs: number;
  /** The highest learning rate; default 4e-3. */
  readonly learningRate?: number;
  /** How far digits are moved; default `gentle`. */
  readonly augmentation?: Augmentation;
  /** Of order, augmentation and negatives, u32. */
  readonly seed: number;
  /** Looked at before each batch: the training rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Called after each epoch with its number, counted from 1, and the loss of its last batch. */
  readonly onEpoch?: (epoch: number, loss: number) => void;
}

const adamW = { weightDecay: 0.02, maxGradNorm: 1 };

/**
 * Trains a judge on digits of its size with AdamW: cross-entropy against the targets of `JudgeBatches`, a learning rate that
 * rises over the first twentieth of the steps and falls to zero along a cosine. A step is one submit without a wait;
 * equal seeds give equal weights, bit for bit, on the same adapter.
 */
export async function trainJudge(device: Device, judge: Judge, digits: Digits, training: JudgeTraining): Promise<void> {
  const { epochs, seed, learningRate = 4e-3, augmentation, signal, onEpoch } = training;
  using _training = device.scope();
  const batches = new JudgeBatches(digits, seed, augmentation);
  const images = device.empty([batches.rows, 1, digits.size, digits.size]);
  const targets = device.empty([batches.rows, 10]);
  const parameters = [...judge.parameters().values()];
  const optimizer = new AdamW(device, parameters, adamW);
  const steps = epochs * batches.perEpoch;
  const schedule = warmup(steps / 20, cosine(learningRate, 0, steps));
  const step = device.capture(() => {
    const loss = mul(sum(mul(logSoftmax(judge.logits(images)), targets)), -1 / batches.rows);
    optimizer.step(gradients(loss, parameters));
    return loss;
  });
  try {
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (let number = 0; number < batches.perEpoch; number++) {
        if (signal) await stopIfAborted(signal);
        batches.fill(epoch, number);
        images.write(batches.images);
        targets.write(batches.targets);
        optimizer.learningRate.value = schedule(epoch * batches.perEpoch + number);
        optimizer.advance();
        step.replay();
      }
      onEpoch?.(epoch + 1, await step.result.item());
    }
  } finally {
    step.dispose();
  }
}

/** Signals arrive between turns of the event loop only. */
async function stopIfAborted(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
  if (signal.aborted) throw signal.reason;
}
