const encoder = new TextEncoder();

/** Writes a line of results to stdout. */
export function printLine(text: string): void {
  writeAll(Deno.stdout, `${text}\n`);
}

/** Writes a line of progress, advice or error to stderr, so that stdout holds results alone. */
export function noteLine(text: string): void {
  writeAll(Deno.stderr, `${text}\n`);
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = encoder.encode(text);
  for (let done = 0; done < bytes.length;) done += stream.writeSync(bytes.subarray(done));
}
