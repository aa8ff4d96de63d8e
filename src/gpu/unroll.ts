/**
 * The unroll directive. Register tiles need named registers, so kernels write loops over registers as text:
 *
 * ```wgsl
 * //@unroll i 0 4
 *   let a$i = A[row + $(i * 2)u];
 * //@end
 * ```
 *
 * repeats the lines for i = 0, 1, 2, 3. `$i` is the index, `$(expression)` integer arithmetic (`+ - * / %`, brackets)
 * over the indices and the file's `const NAME = 4u;` declarations, which may also stand as bounds. Blocks nest.
 *
 * @param text WGSL with directives.
 * @param outer constants that the text may use besides its own: those of the file that includes it.
 * @returns the expanded lines, each with the line number (from 1) of the source it came from.
 * @throws {Error} naming the line of a malformed directive, a block without end, a stray end or a bad expression.
 */
export function unroll(
  text: string,
  outer: ReadonlyMap<string, number> = new Map(),
): { line: string; source: number }[] {
  const constants = new Map([...outer, ...integerConstants(text)]);
  const lines = text.split("\n");
  return expand(lines, 0, lines.length, constants);
}

/** The declarations `const NAME = 4u;` of a file. */
export function integerConstants(text: string): Map<string, number> {
  return new Map(
    [...text.matchAll(/^const (\w+) = (\d+)u;/gm)].map(([, name, value]) => [name!, Number(value)]),
  );
}

function expand(lines: string[], from: number, to: number, names: Map<string, number>) {
  const out: { line: string; source: number }[] = [];
  for (let at = from; at < to; at++) {
    const line = lines[at]!;
    const block = /^\s*\/\/@unroll (\w+) (\S+) (\S+)\s*$/.exec(line);
    if (block) {
      const end = matchingEnd(lines, at, to);
      const [, name, low, high] = block;
      const bounds = [low!, high!].map((bound) => evaluate(bound, names, at + 1));
      for (let i = bounds[0]!; i < bounds[1]!; i++) {
        out.push(...expand(lines, at + 1, end, new Map(names).set(name!, i)));
      }
      at = end;
    } else if (/^\s*\/\/@end\s*$/.test(line)) {
      throw new Error(`line ${at + 1}: //@end without //@unroll`);
    } else if (/^\s*\/\/@unroll\b/.test(line)) {
      throw new Error(`line ${at + 1}: wanted //@unroll NAME FROM TO, got \`${line.trim()}\``);
    } else {
      out.push({ line: substitute(line, names, at + 1), source: at + 1 });
    }
  }
  return out;
}

function matchingEnd(lines: string[], start: number, to: number): number {
  let depth = 0;
  for (let at = start; at < to; at++) {
    if (/^\s*\/\/@unroll\b/.test(lines[at]!)) depth++;
    if (/^\s*\/\/@end\s*$/.test(lines[at]!) && --depth === 0) return at;
  }
  throw new Error(`line ${start + 1}: //@unroll without //@end`);
}

function substitute(line: string, names: Map<string, number>, at: number): string {
  const out = line.replace(
    /\$\(((?:[^()]|\([^()]*\))*)\)|\$([A-Za-z]\w*?)(?=\W|_|$)/g,
    (_, expression, name) => String(evaluate(expression ?? name, names, at)),
  );
  if (out.includes("$")) throw new Error(`line ${at}: cannot read the \`$\` of \`${out.trim()}\``);
  return out;
}

/** Integer arithmetic by recursive descent: sum := product (('+'|'-') product)*, product := atom (('*'|'/'|'%') atom)*. */
function evaluate(expression: string, names: Map<string, number>, at: number): number {
  const tokens = expression.match(/\d+|\w+|\S/g) ?? [];
  let next = 0;
  const fail = (): never => {
    throw new Error(`line ${at}: cannot evaluate \`${expression}\``);
  };
  const atom = (): number => {
    const token = tokens[next++] ?? fail();
    if (token === "(") {
      const value = sum();
      return tokens[next++] === ")" ? value : fail();
    }
    return /^\d+$/.test(token) ? Number(token) : names.get(token) ?? fail();
  };
  const product = (): number => {
    let value = atom();
    for (let sign = tokens[next]; sign === "*" || sign === "/" || sign === "%"; sign = tokens[next]) {
      next++;
      const right = atom();
      value = sign === "*" ? value * right : sign === "/" ? Math.floor(value / right) : value % right;
    }
    return value;
  };
  const sum = (): number => {
    let value = product();
    for (let sign = tokens[next]; sign === "+" || sign === "-"; sign = tokens[next]) {
      next++;
      value += sign === "+" ? product() : -product();
    }
    return value;
  };
  const value = sum();
  return next === tokens.length && Number.isFinite(value) ? value : fail();
}
