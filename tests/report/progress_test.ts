import assert from "node:assert/strict";
import { Progress, type ProgressOptions } from "../../src/report/progress.ts";

/** A progress on a fake clock, with all that it wrote. */
function fake(total: number, options: ProgressOptions = {}) {
  const clock = { ms: 0 };
  const out: string[] = [];
  const progress = new Progress(total, {
    write: (text) => void out.push(text),
    now: () => clock.ms,
    isTerminal: true,
    columns: () => 80,
    ...options,
  });
  return { progress, clock, out };
}

Deno.test("Progress redraws one line of a terminal, at most ten times a second", () => {
  const { progress, clock, out } = fake(200);
  for (let step = 1; step <= 100; step++) {
    clock.ms += 10;
    progress.update(step, `reward ${step / 100}`);
  }
  assert.equal(out.length, 10);
  assert.equal(out.at(-1), "\r\x1b[K[#########-----------]  45% 91/200  reward 0.91  eta 1s");
  assert.ok(out.every((text) => !text.includes("\n")));
});

Deno.test("Progress writes a plain line every five seconds elsewhere", () => {
  const { progress, clock, out } = fake(200, { isTerminal: false });
  for (let step = 1; step <= 110; step++) {
    clock.ms += 100;
    progress.update(step);
  }
  assert.deepEqual(out, ["0% 1/200  eta 20s\n", "25% 51/200  eta 15s\n", "50% 101/200  eta 10s\n"]);
});

Deno.test("Progress.done shows the last state and the time, once", () => {
  for (
    const [isTerminal, expected] of [
      [true, ["\r\x1b[K[####################] 100% 2/2  ok  in 1m 05s", "\n"]],
      [false, ["100% 2/2  ok  in 1m 05s\n"]],
    ] as const
  ) {
    const { progress, clock, out } = fake(2, { isTerminal });
    progress.update(1, "ok");
    progress.update(2, "ok");
    clock.ms = 65_000;
    out.length = 0;
    progress.done();
    progress[Symbol.dispose]();
    assert.deepEqual(out, expected);
  }
});

Deno.test("Progress.message stands on its own line and the bar goes on below it", () => {
  const { progress, out } = fake(10);
  progress.message("before");
  progress.update(5);
  progress.message("between");
  progress.done();
  progress.message("after");
  const bar = "[##########----------]  50% 5/10  eta 0s";
  assert.deepEqual(out.slice(0, 3), ["before\n", `\r\x1b[K${bar}`, `\r\x1b[Kbetween\n${bar}`]);
  assert.equal(out.at(-1), "after\n");

  const plain = fake(10, { isTerminal: false });
  plain.progress.update(5);
  plain.progress.message("between");
  assert.deepEqual(plain.out, ["50% 5/10  eta 0s\n", "between\n"]);
});

Deno.test("Progress cuts its line to the terminal's width, and takes 80 where the terminal says 0", () => {
  for (const [columns, length] of [[30, 29], [0, 79]] as const) {
    const { progress, out } = fake(10, { columns: () => columns });
    progress.update(1, "x".repeat(100));
    assert.equal(out[0]!.length - "\r\x1b[K".length, length);
  }
});

Deno.test("Progress counts a resumed run's speed from where it went on", () => {
  const { progress, clock, out } = fake(1000, { initial: 900, isTerminal: false });
  progress.update(900);
  clock.ms = 10_000;
  progress.update(910);
  assert.deepEqual(out, ["90% 900/1000  eta ?\n", "91% 910/1000  eta 1m 30s\n"]);
});

Deno.test("Progress tells hours", () => {
  const { progress, clock, out } = fake(100, { isTerminal: false });
  clock.ms = 3_600_000;
  progress.update(50);
  clock.ms = 7_620_000;
  progress.done();
  assert.deepEqual(out, ["50% 50/100  eta 1h 00m\n", "50% 50/100  in 2h 07m\n"]);
});
