import type { Shader } from "./wgsl.ts";

/**
 * Collects what WebGPU reports on the side (compilation messages, validation errors, device loss) so that the next
 * await on a tensor can throw it, naming kernel, file and line.
 *
 * Validation errors are caught in an error scope that is always open: uncaptured, they would come as an event some
 * milliseconds late, after a fast readback has returned numbers that were never computed.
 */
export class ErrorLog {
  #errors: string[] = [];
  #lost: string | null = null;
  #pending: Promise<void>[] = [];

  /** Listens to the uncaptured errors and the loss of a device. */
  constructor(private readonly device: GPUDevice) {
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      this.#errors.push(oneLine((event as GPUUncapturedErrorEvent).error.message));
    });
    device.lost.then(({ reason, message }) => {
      this.#lost = oneLine(message) || reason;
    });
    device.pushErrorScope("validation");
  }

  /** Compiles a shader; its errors are reported with the line of the shader file. */
  compile(shader: Shader, label: string): GPUShaderModule {
    this.device.pushErrorScope("validation");
    const module = this.device.createShaderModule({ label, code: shader.code });
    this.#pending.push(
      this.device.popErrorScope().then(async (error) => {
        if (!error) return;
        const { messages } = await module.getCompilationInfo();
        for (const { type, lineNum, message } of messages) {
          if (type === "error") this.#errors.unshift(`${shader.lines[lineNum - 1] ?? label}: ${reasonOf(message)}`);
        }
      }),
    );
    return module;
  }

  /** Makes a GPU object; its errors are reported with the label. */
  watch<T>(label: string, make: () => T): T {
    this.device.pushErrorScope("validation");
    const made = make();
    this.#collect(label);
    return made;
  }

  /**
   * Throws the first error since the last call. Called at every await of a tensor's data.
   *
   * @param lastOp the kernel that was recorded last.
   * @param failure what the readback threw, if it failed: thrown where nothing else explains it.
   */
  async check(lastOp: string, failure?: unknown): Promise<void> {
    this.#collect();
    this.device.pushErrorScope("validation");
    await Promise.all(this.#pending.splice(0));
    // The news of a lost device takes a turn of the event loop; only a failed readback is worth waiting for it.
    if (failure !== undefined) await new Promise((resolve) => setTimeout(resolve, 0));
    const [first, ...more] = this.#errors.splice(0);
    if (this.#lost !== null) {
      throw new Error(`The GPU device was lost (${this.#lost}); the last op submitted was ${lastOp}; start again`);
    }
    if (first !== undefined) {
      throw new Error(`GPU error near ${lastOp}: ${first}${more.length ? ` (and ${more.length} more)` : ""}`);
    }
    if (failure !== undefined) throw failure;
  }

  #collect(label?: string): void {
    this.#pending.push(
      this.device.popErrorScope().then((error) => {
        if (error) this.#errors.push((label ? `${label}: ` : "") + oneLine(error.message));
      }),
    );
  }
}

function oneLine(text: string): string {
  return text.trim().split(/\s*\n\s*/).join(" ");
}

/** The sentences of a compiler message: its headline and its notes, without the drawing of the source. */
function reasonOf(message: string): string {
  const lines = message.trim().split("\n").map((line) => line.trim());
  const notes = lines.filter((line) => line.startsWith("= ")).map((line) => line.slice(2));
  return [lines[0]!.replace(/^Shader.*? error: /, ""), ...notes].join("; ");
}
