import { UserError } from "../error.ts";

/** WGSL to compile, with the place in the repository that each of its lines comes from. */
export interface WgslSource {
  /** The whole module. */
  readonly code: string;
  /** One place a line of `code`: `softmax.wgsl:12`. */
  readonly lines: readonly string[];
}

/** A complaint of the browser's compiler. */
export interface WgslMessage {
  /** Index of the source. */
  readonly source: number;
  /** `error`, `warning` or `info`. */
  readonly type: string;
  /** Line of the code from 1, or 0 where the compiler names none. */
  readonly line: number;
  /** The compiler's words. */
  readonly text: string;
}

/** Runs in the page: compiles every source and leaves the messages in the document. */
const pageScript = `
  // A document that is still being written delays the load event, and --dump-dom waits for that event.
  const hold = document.querySelector("iframe").contentDocument;
  hold.open();
  async function compile() {
    const adapter = await navigator.gpu?.requestAdapter();
    if (!adapter) return { failure: "no WebGPU adapter in the browser" };
    const requiredFeatures = ["subgroups", "shader-f16"].filter((name) => adapter.features.has(name));
    const device = await adapter.requestDevice({ requiredFeatures });
    const messages = [];
    for (const [source, code] of sources.entries()) {
      device.pushErrorScope("validation");
      const info = await device.createShaderModule({ code }).getCompilationInfo();
      await device.popErrorScope();
      for (const { type, lineNum, message } of info.messages) messages.push({ source, type, line: lineNum, text: message });
    }
    return { messages };
  }
  compile().catch((error) => ({ failure: String(error) })).then((result) => {
    document.querySelector("pre").textContent = encodeURIComponent(JSON.stringify(result));
    hold.close();
  });
`;

/** A self-contained page that compiles the codes and writes the outcome where `readOutcome` finds it. */
export function compilerPage(codes: readonly string[]): string {
  const sources = JSON.stringify(codes).replaceAll("<", "\\u003c"); // no code can end the script element
  return `<!doctype html><pre></pre><iframe></iframe><script>const sources = ${sources};${pageScript}</script>`;
}

/**
 * The messages in a dumped document.
 *
 * @throws {UserError} where the page could not compile at all, or did not get to its end.
 */
export function readOutcome(dom: string): WgslMessage[] {
  const text = /<pre>([^<]+)<\/pre>/.exec(dom)?.[1];
  if (!text) {
    throw new UserError("Chromium gave no result: wanted the outcome of the WGSL check, its page did not finish");
  }
  const { failure, messages } = JSON.parse(decodeURIComponent(text)) as { failure?: string; messages: WgslMessage[] };
  if (failure) throw new UserError(`Chromium cannot compile WGSL: ${failure}`);
  return messages;
}

/**
 * Passes where there are no messages.
 *
 * @throws {UserError} with a line a message, in the manner of compilers: `softmax.wgsl:12: error: unresolved value 'x'`.
 */
export function expectNoMessages(sources: readonly WgslSource[], messages: readonly WgslMessage[]): void {
  if (!messages.length) return;
  const lines = messages.map(({ source, type, line, text }) =>
    `${sources[source]!.lines[line - 1] ?? "?"}: ${type}: ${text}`
  );
  throw new UserError(
    `Chromium's compiler wanted standard WGSL, and complains ${messages.length} times:\n${lines.join("\n")}`,
  );
}

/**
 * Compiles every source in a headless Chromium on its software adapter, as strictly as browsers do.
 *
 * @throws {UserError} where Chromium is missing or fails.
 */
export async function compileInChromium(sources: readonly WgslSource[]): Promise<WgslMessage[]> {
  const folder = await Deno.makeTempDir({ prefix: "stipple-wgsl-" });
  try {
    await Deno.writeTextFile(`${folder}/page.html`, compilerPage(sources.map(({ code }) => code)));
    const { stdout } = await new Deno.Command("chromium", {
      args: [
        "--headless",
        "--no-sandbox", // which root and containers cannot have; the page holds nothing but this repository's shaders
        "--enable-unsafe-webgpu",
        "--use-webgpu-adapter=swiftshader",
        `--user-data-dir=${folder}/profile`,
        "--dump-dom",
        `file://${folder}/page.html`,
      ],
      stderr: "null",
      signal: AbortSignal.timeout(120_000),
    }).output();
    return readOutcome(new TextDecoder().decode(stdout));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new ChromiumMissing();
    throw error;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** There is no `chromium` on the PATH. */
export class ChromiumMissing extends UserError {
  /** Says how to get it. */
  constructor() {
    super("No chromium on the PATH: the WGSL check needs it; on Debian install it with `apt-get install -y chromium`");
  }
}
