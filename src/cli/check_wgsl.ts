/**
 * `deno task wgsl`: compiles every kernel of shaders/ with a browser's compiler, which holds to the standard where
 * Deno's is lenient. Without Chromium the check is skipped, except in continuous integration.
 *
 * @module
 */
import { assembleShader } from "../gpu/wgsl.ts";
import { ChromiumMissing, compileInChromium, expectNoMessages, type WgslSource } from "./chromium_wgsl.ts";
import { runCommand } from "./command.ts";
import { printLine } from "./terminal.ts";

/** Every kernel below `folder` in the order of names, assembled for browsers. The files of lib/ come in by inclusion. */
export async function kernelSources(folder: string): Promise<WgslSource[]> {
  const sources: WgslSource[] = [];
  const entries = await Array.fromAsync(Deno.readDir(folder));
  for (const { name, isDirectory } of entries.toSorted((a, b) => a.name < b.name ? -1 : 1)) {
    if (isDirectory && name !== "lib") sources.push(...await kernelSources(`${folder}/${name}`));
    const stem = /^(.*)\.wgsl$/.exec(name)?.[1];
    if (stem) sources.push(assembleShader(stem, await Deno.readTextFile(`${folder}/${name}`), {}, "browser"));
  }
  return sources;
}

/**
 * Compiles the sources and says so in a line.
 *
 * @param required true where a missing Chromium is an error, else it is only told.
 * @throws {UserError} where a kernel does not compile.
 */
export async function checkWgsl(
  sources: readonly WgslSource[],
  compile: typeof compileInChromium,
  required: boolean,
): Promise<string> {
  try {
    expectNoMessages(sources, await compile(sources));
    return `${sources.length} kernels compile in Chromium`;
  } catch (error) {
    if (required || !(error instanceof ChromiumMissing)) throw error;
    return `Skipped. ${error.message}`;
  }
}

if (import.meta.main) {
  await runCommand("wgsl", (program) =>
    void program.action(async () => {
      printLine(await checkWgsl(await kernelSources("shaders"), compileInChromium, Boolean(Deno.env.get("CI"))));
    }));
}
