import { join } from "node:path";
import { UserError } from "../error.ts";
import { readBytes } from "../io/file_error.ts";
import type { RunDirectory } from "../io/run_directory.ts";
import { counted } from "./html_numbers.ts";
import { type Html, markup } from "./html_template.ts";
import { imageHeader } from "./image_header.ts";

/** Largest picture that is put into a page, in bytes. */
const mostBytes = 8 * 2 ** 20;
/** Pictures shown of a sequence, such as one for every hundred steps of a training. */
const lastOfSequence = 2;

/** Pictures that belong side by side, with what they show. */
const known = [
  { "policy.png": "Policy", "arpg.png": "ARPG's own rule, same noise" },
  { "policy.gif": "Policy, being painted", "arpg.gif": "ARPG's own rule, being painted" },
  { "best.png": "Best of the policy, by reward", "worst.png": "Worst of the policy, by reward" },
] as const;

/** The pictures of a run's samples, compared ones side by side; null where there are none. */
export async function samplePictures(run: RunDirectory): Promise<Html | null> {
  const names = await pictureNames(run.samples);
  const pairs = await Promise.all(known.map(async (pair) => {
    const there = Object.entries(pair).filter(([name]) => names.includes(name));
    const figures = await Promise.all(there.map(([name, caption]) => picture(join(run.samples, name), caption)));
    return figures.length ? markup`<div class="pair pictures">${figures}</div>` : null;
  }));
  const placed: readonly string[] = known.flatMap((pair) => Object.keys(pair));
  const others = await gallery(run.samples, names.filter((name) => !placed.includes(name)));
  return pairs.some((pair) => pair !== null) || others ? markup`${pairs}${others}` : null;
}

/** The pictures of a run's plots; null where there are none. */
export async function plotPictures(run: RunDirectory): Promise<Html | null> {
  return await gallery(run.plots, await pictureNames(run.plots));
}

/** Pictures of a folder under their names; of those whose names differ in a number the last ones. */
async function gallery(folder: string, names: readonly string[]): Promise<Html | null> {
  if (names.length === 0) return null;
  const sequences = Map.groupBy(names, (name) => name.replaceAll(/\d+/g, "#"));
  const shown = [...sequences.values()].flatMap((sequence) => sequence.slice(-lastOfSequence));
  const left = names.length - shown.length;
  const figures = await Promise.all(shown.map((name) => picture(join(folder, name), name)));
  return markup`<div class="pair pictures">${figures}</div>${
    left > 0 ? markup`<p class="fine">${counted(left)} earlier ones are in ${folder}.</p>` : null
  }`;
}

async function pictureNames(folder: string): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(folder));
    return entries.filter(({ isFile, name }) => isFile && /\.(png|gif|jpe?g)$/.test(name)).map(({ name }) => name)
      .toSorted();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
    throw error;
  }
}

/** A picture in the page itself; a line instead for what is no picture, or too large a one. */
async function picture(path: string, caption: string): Promise<Html> {
  try {
    const { size } = await Deno.stat(path);
    if (size > mostBytes) return markup`<p class="missing">${path} is too large for a page (${size} bytes).</p>`;
    const bytes = await readBytes(path);
    const header = imageHeader(bytes);
    if (!header) return markup`<p class="missing">${path} is no picture.</p>`;
    const { kind, width, height } = header;
    return markup`<figure><figcaption>${caption}</figcaption><img src="data:image/${kind};base64,${bytes.toBase64()}"
      width="${width}" height="${height}" alt="${caption}"></figure>`;
  } catch (error) {
    if (error instanceof UserError) return markup`<p class="missing">${error.message}.</p>`;
    throw error;
  }
}
