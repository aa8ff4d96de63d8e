import { BlankInitializer } from "../nn/init.ts";
import { checkWeights, loadParametersFrom, nestParameters, type WeightSource } from "../nn/module.ts";
import { Projection } from "../nn/projection.ts";
import type { Device } from "../tensor/device.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type ClipEncoders, clipLoading } from "./clip.ts";
import { checkClipConfig, type ClipConfig, clipShapes } from "./clip_config.ts";
import { type ClipLinearMaker, trainableLinear } from "./clip_encoder.ts";
import { ClipTextTower } from "./clip_text.ts";
import { ClipVisionTower } from "./clip_vision.ts";
import { FrozenLinear } from "./frozen_linear.ts";
import type { FrozenDtype } from "./frozen_weights.ts";
import { splitTables } from "./split_embedding.ts";

/** How to hold a {@link FrozenClip}. */
export interface FrozenClipOptions {
  /** Of the layers' weights; default float16. */
  readonly dtype?: FrozenDtype;
  /** False leaves the tower of texts out; default true. */
  readonly texts?: boolean;
}

interface Tower<T> {
  readonly tower: T;
  readonly projection: Projection;
}

/**
 * A CLIP that only looks: no gradients, and the weights of its layers, 99 % of the vision tower, as float16 with sums in
 * float32. Of ViT-L/14 the vision tower takes 0.57 GiB and that of texts 0.30 beside the 1.6 GiB of both in `Clip`. The
 * latter can go once the prompts are embedded.
 */
export class FrozenClip implements ClipEncoders, Disposable {
  readonly #vision: Tower<ClipVisionTower>;
  #text: Tower<ClipTextTower> | null;
  /** `[]`, see `Clip`. */
  readonly logitScale: Tensor;

  private constructor(private readonly device: Device, readonly config: ClipConfig, options: FrozenClipOptions) {
    const { dtype = "float16", texts = true } = options, init = new BlankInitializer(device);
    const { text_config, vision_config, projection_dim } = config;
    const linear = dtype === "float16" ? frozenLinear : trainableLinear;
    const project = (width: number) => new Projection(init, width, projection_dim);
    const text = () => ({
      tower: new ClipTextTower(init, text_config, linear),
      projection: project(text_config.hidden_size),
    });
    this.#vision = {
      tower: new ClipVisionTower(init, vision_config, linear),
      projection: project(vision_config.hidden_size),
    };
    this.#text = texts ? text() : null;
    this.logitScale = init.uniform([]);
  }

  /**
   * Takes weights that are read one tensor at a time, by the names of HuggingFace's `CLIPModel`.
   *
   * @throws {RangeError} for sizes that make no model.
   * @throws {UserError} for weights of other names or shapes, all of them named; no memory is taken then.
   */
  static async from(
    device: Device,
    config: ClipConfig,
    source: WeightSource,
    options: FrozenClipOptions = {},
  ): Promise<FrozenClip> {
    checkClipConfig(config);
    checkWeights(clipShapes(config), source.entries, clipLoading);
    const model = new FrozenClip(device, config, options);
    try {
      await model.#load(source);
    } catch (cause) {
      model.dispose(); // of what a file that ends early has left
      throw cause;
    }
    return model;
  }

  /** Images to `[B, P]`, as `Clip.encodeImage`, outside the tape. @throws {RangeError} for another shape. */
  encodeImage(pixels: Tensor): Tensor {
    const { tower, projection } = this.#vision;
    return this.device.noGrad(() => projection.forward(tower.forward(pixels)));
  }

  /**
   * Texts to `[B, P]`, as `Clip.encodeText`, outside the tape.
   *
   * @throws {RangeError} for another shape or type.
   * @throws {Error} without the tower of texts.
   */
  encodeText(ids: Tensor): Tensor {
    if (!this.#text) throw new Error("Cannot encode texts: this CLIP has no tower of texts, or has dropped it");
    const { tower, projection } = this.#text;
    return this.device.noGrad(() => projection.forward(tower.forward(ids)));
  }

  /** Gives the memory of the tower of texts back to the adapter. What was embedded stays. */
  dropTexts(): void {
    if (!this.#text) return;
    free(this.#text);
    this.#text = null;
    this.device.gpu.pool.trim();
  }

  /** Gives all memory back to the adapter. Doing so twice is harmless. */
  dispose(): void {
    this.dropTexts();
    free(this.#vision);
    this.logitScale.dispose();
    this.device.gpu.pool.trim();
  }

  /** {@link dispose}, at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  async #load(source: WeightSource): Promise<void> {
    const floats = this.#parts(({ tower, projection }, name) => ({
      [`${name}_model`]: tower,
      [name === "vision" ? "visual_projection" : "text_projection"]: projection,
    }));
    const parameters = new Map([["logit_scale", this.logitScale], ...nestParameters(floats)]);
    await loadParametersFrom({ parameters: () => parameters }, splitTables(source, parameters), { ignore: () => true });
    const linears = this.#parts(({ tower: { encoder } }, name) =>
      Object.fromEntries([...encoder.linears()].map(([layer, linear]) => [`${name}_model.encoder.${layer}`, linear]))
    );
    let pending = 0;
    for (const [name, linear] of Object.entries(linears)) {
      if (!(linear instanceof FrozenLinear)) continue;
      const data = (await source.read(`${name}.weight`)).data as Float32Array;
      linear.load(data);
      if ((pending += data.byteLength) < maxPendingBytes) continue;
      await this.device.idle();
      pending = 0;
    }
  }

  /** What `of` says of the towers that are there. */
  #parts<T>(of: (tower: Tower<ClipTextTower | ClipVisionTower>, name: "text" | "vision") => Record<string, T>) {
    return { ...this.#text ? of(this.#text, "text") : {}, ...of(this.#vision, "vision") };
  }
}

function free({ tower, projection }: Tower<ClipTextTower | ClipVisionTower>): void {
  for (const linear of tower.encoder.linears().values()) if (linear instanceof FrozenLinear) linear.dispose();
  for (const part of [tower, projection.weight]) part.dispose();
}

/** Writes are copied and the copies kept until the next submit: as many bytes of weights may wait so. */
const maxPendingBytes = 2 ** 28;

/** Textures hold four numbers a texel: layers of other sizes stay float32. */
const frozenLinear: ClipLinearMaker = (init, inputs, outputs, gain) =>
  inputs % 4 === 0 && outputs % 4 === 0
    ? new FrozenLinear(init.device, inputs, outputs)
    : trainableLinear(init, inputs, outputs, gain);
