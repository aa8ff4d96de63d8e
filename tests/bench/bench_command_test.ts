import assert from "node:assert/strict";
import { join } from "node:path";
import { benchCommand } from "../../bench/bench_command.ts";
import { mesaVersion } from "../../bench/driver_version.ts";
import project from "../../deno.json" with { type: "json" };
import peers from "../../bench/peers/deno.json" with { type: "json" };
import { commandStatus } from "../../src/cli/command.ts";
import { fileTest } from "../support/file_test.ts";

async function bench(...args: string[]): Promise<{ status: number; out: string; note: string }> {
  const out: string[] = [], notes: string[] = [];
  const build = (program: Parameters<typeof benchCommand>[0]) => benchCommand(program, (line) => out.push(line));
  const status = await commandStatus("bench", build, args, (text) => notes.push(text));
  return { status, out: out.join("\n"), note: notes.join("\n") };
}

Deno.test("bench: mistakes are told in a line", async () => {
  assert.deepEqual(await bench("--suite", "kernel"), {
    status: 2,
    out: "",
    note: "error: Cannot run suite kernel: wanted some of kernels, steps, decode, scaling",
  });
  assert.deepEqual(await bench("--compare", "a.json"), {
    status: 2,
    out: "",
    note: "error: Cannot compare 1 files: wanted two, before and after",
  });
});

await fileTest("bench --compare: reads two records; a file that is not there is told", async () => {
  const folder = await Deno.makeTempDir();
  const file = join(folder, "a.json");
  const rows = [{ name: "add", timings: { stipple: { wall: 2, spread: 0.1 } } }];
  const record = { date: "today", adapter: "llvmpipe", version: "1", quick: true, suites: { kernels: { rows } } };
  await Deno.writeTextFile(file, JSON.stringify(record));
  const { status, out } = await bench("--compare", file, file);
  assert.equal(status, 0);
  assert.ok(out.includes("| add |    2 |    2 |     1 |     |"), out);
  const missing = await bench("--compare", file, join(folder, "b.json"));
  assert.equal(missing.status, 2);
  assert.match(missing.note, /^error: Cannot read .*b\.json: /);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("mesaVersion: of the installed package, in a package database", () => {
  const entry = (name: string) => `Package: ${name}\nStatus: install ok installed\nVersion: 22.3.6-1\n`;
  assert.equal(mesaVersion(`${entry("zlib")}\n${entry("mesa-vulkan-drivers")}`), "Mesa 22.3.6-1");
  assert.equal(mesaVersion(entry("zlib")), null);
});

Deno.test("the peers' packages of ours are pinned to our versions, and theirs exactly", () => {
  const ours: Readonly<Record<string, string>> = project.imports;
  for (const [name, specifier] of Object.entries(peers.imports)) {
    if (name in ours) assert.equal(specifier, ours[name]);
    assert.match(specifier, /^npm:.+@\d+\.\d+\.\d+$/);
  }
  assert.deepEqual(peers.compilerOptions, project.compilerOptions);
});
