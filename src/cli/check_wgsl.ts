/**
 * `deno task wgsl`: compiles every kernel of shaders/ with a browser's compiler, which holds to the standard where
 * Deno's is lenient. Without Chromium the check is skipped, except in continuous integration.
 *
 * @module
 */
import { assembleShader } from "../gpu/wgsl.ts";
import { ChromiumMissing, compileInChromium, expectNoMessages, type WgslSource } from "./chromium_wgsl.ts";
import { runCommand } from "./command.ts";
import { noteLine, printLine } from "./terminal.ts";

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

async function checkWgsl(): Promise<void> {
  const sources = await kernelSources("shaders");
  try {
    expectNoMessages(sources, await compileInChromium(sources));
    printLine(`${sources.length} kernels compile in Chromium`);
  } catch (error) {
    if (!(error instanceof ChromiumMissing) || Deno.env.get("CI")) throw error;
    noteLine(`${error.message}. Skipped.`);
  }
}

if (import.meta.main) await runCommand("wgsl", (program) => void program.action(checkWgsl));
