import type { Shader } from "./wgsl.ts";

/**
 * Collects what WebGPU reports on the side (compilation messages, uncaptured errors, device loss) so that the next
 * await on a tensor can throw it, naming kernel, file and line.
 */
export class ErrorLog {
  #errors: string[] = [];
  #lost: string | null = null;
  #compilations: Promise<void>[] = [];

  constructor(device: GPUDevice) {
    device.addEventListener("uncapturederror", (event) => {
      const { error } = event as GPUUncapturedErrorEvent;
      event.preventDefault();
      this.#errors.push(error.message.trim().split("\n").map((line) => line.trim()).join(" "));
    });
    device.lost.then(({ reason, message }) => {
      if (reason !== "destroyed") this.#lost = message || "no reason given";
    });
  }

  /** Puts a module's compilation errors, with the line of the shader file, in front of the general ones. */
  watchCompilation(module: GPUShaderModule, shader: Shader, name: string): void {
    this.#compilations.push(
      module.getCompilationInfo().then(({ messages }) => {
        for (const { type, lineNum, message } of messages) {
          if (type !== "error") continue;
          const reason = message.split("\n").map((line) => line.trim()).find((line) =>
            /error:|expect|unknown/.test(line)
          );
          this.#errors.unshift(`${shader.lines[lineNum - 1] ?? name}: ${reason ?? message.trim()}`);
        }
      }),
    );
  }

  /** Throws the first error since the last call. Called at every await of a tensor's data. */
  async check(lastOp: string): Promise<void> {
    if (this.#compilations.length) await Promise.all(this.#compilations.splice(0));
    this.throwPending(lastOp);
  }

  /** The same without waiting for compilations. */
  throwPending(lastOp: string): void {
    if (this.#lost !== null) {
      throw new Error(`The GPU device was lost (${this.#lost}); the last op submitted was ${lastOp}; start again`);
    }
    const [first, ...more] = this.#errors.splice(0);
    if (first !== undefined) {
      throw new Error(`GPU error near ${lastOp}: ${first}${more.length ? ` (and ${more.length} more)` : ""}`);
    }
  }
}
