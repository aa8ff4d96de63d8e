import { libraryFiles } from "./wgsl_library.ts";
import { integerConstants, unroll } from "./unroll.ts";

/** A field of a kernel's `Params` struct: its name, element type and place in 32-bit words. */
export interface ParamField {
  /** As WGSL and TypeScript name it. */
  readonly name: string;
  /** Type of an element. */
  readonly type: "u32" | "i32" | "f32";
  /** Place in 32-bit words. */
  readonly offset: number;
  /** Number of 32-bit words: 1 for a scalar, 4 for a vec4. */
  readonly words: number;
}

/** Most 32-bit words of a `Params` struct. */
export const maxParamWords = 64;

/** WGSL ready for the compiler, and what its text declares. */
export interface Shader {
  /** The text for the compiler. */
  readonly code: string;
  /** Where each line of `code` comes from: `softmax.wgsl:12`. */
  readonly lines: readonly string[];
  /** Fields of `Params`. */
  readonly params: readonly ParamField[];
  /** Size of `Params` in 32-bit words. */
  readonly paramWords: number;
}

/**
 * Turns a shader file's text into code for this runtime: `//@include reduce` takes in `shaders/lib/reduce.wgsl`,
 * `//@unroll` blocks of both are expanded with the file's constants (see `unroll.ts`), and where a kernel uses
 * subgroups, browsers get the `enable` line that the standard requires and that naga rejects.
 *
 * @param constants other values for the file's `const NAME = 4u;` declarations: tile sizes that shape unrolled text
 * and therefore cannot be overrides.
 * @param halves numbers of the bindings in group 0 whose textures hold float16 (`half` of `MemoryKind`).
 */
export function assembleShader(
  name: string,
  source: string,
  constants: Readonly<Record<string, number>> = {},
  runtime: "deno" | "browser" = "deno",
  halves: readonly number[] = [],
): Shader {
  const text = withHalves(source, halves).replace(
    constantPattern,
    (line, constant) => constant in constants ? `const ${constant} = ${constants[constant]}u;` : line,
  );
  const lines: string[] = [];
  const places: string[] = [];
  const add = (line: string, place: string) => {
    lines.push(line);
    places.push(place);
  };
  for (const [, include] of text.matchAll(/^\/\/@include (\w+)\s*$/gm)) {
    const library = libraryFiles[include!];
    if (library === undefined) throw new Error(`${name}.wgsl includes ${include}, which is not in shaders/lib`);
    const place = `lib/${include}`;
    for (const { line, source } of unrolled(place, library, integerConstants(text))) {
      add(line, `${place}.wgsl:${source}`);
    }
  }
  for (const { line, source } of unrolled(name, text)) add(line, `${name}.wgsl:${source}`);
  if (runtime === "browser" && lines.some((line) => /\bsubgroup[A-Z]/.test(line))) {
    lines.unshift("enable subgroups;");
    places.unshift(`${name}.wgsl:1`);
  }
  return { code: lines.join("\n"), lines: places, ...parseParams(name, text) };
}

/** Names the float16 format where such textures are bound. */
function withHalves(text: string, halves: readonly number[]): string {
  return text.replace(
    /@binding\((\d+)\)(.*)rgba32float/g,
    (line, binding) => halves.includes(Number(binding)) ? line.replace("rgba32float", "rgba16float") : line,
  );
}

function unrolled(name: string, text: string, outer?: ReadonlyMap<string, number>): ReturnType<typeof unroll> {
  try {
    return unroll(text, outer);
  } catch (cause) {
    throw new Error(`${name}.wgsl, ${(cause as Error).message}`, { cause });
  }
}

const constantPattern = /^const (\w+) = \d+u;/gm;

/** Names that a file declares as `const NAME = 4u;`. */
export function constantNames(text: string): Set<string> {
  return new Set(integerConstants(text).keys());
}

/** Reads the fields of `struct Params { ... }`, with the alignment rules of the uniform address space. */
function parseParams(name: string, text: string): Pick<Shader, "params" | "paramWords"> {
  const body = /struct Params\s*\{([^}]*)\}/.exec(text.replace(/\/\/.*$/gm, ""))?.[1] ?? "";
  const params: ParamField[] = [];
  let at = 0;
  for (const declaration of body.split(",")) {
    if (!declaration.trim()) continue;
    const field = /^\s*(\w+)\s*:\s*(?:([uif])32|vec4([uif]))\s*$/.exec(declaration);
    if (!field) {
      throw new Error(
        `${name}.wgsl: Params may hold u32, i32, f32 and vec4u / i / f only, got \`${declaration.trim()}\``,
      );
    }
    const words = field[3] ? 4 : 1;
    at = Math.ceil(at / words) * words;
    params.push({ name: field[1]!, type: `${(field[2] ?? field[3]) as "u" | "i" | "f"}32`, offset: at, words });
    at += words;
  }
  if (at > maxParamWords) throw new Error(`${name}.wgsl: Params may hold ${maxParamWords} words, got ${at}`);
  return { params, paramWords: Math.ceil(at / 4) * 4 };
}
