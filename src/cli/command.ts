import { Command, CommanderError } from "commander";
import { UserError } from "../error.ts";
import { noteLine } from "./terminal.ts";

/**
 * Runs one command of the command line and ends the process: with 0, or with 2 and one line on stderr where the user
 * erred (a flag, a value, a `UserError`), or with 1 and the stack where the program did.
 *
 * @param name as in `deno task NAME`, for the help text.
 * @param build declares arguments, options and action on the commander program.
 */
export async function runCommand(name: string, build: (program: Command) => void): Promise<never> {
  Deno.exit(await commandStatus(name, build, Deno.args, noteLine));
}

/** What `runCommand` does, short of ending the process: resolves to the exit status; errors go to `note`. */
export async function commandStatus(
  name: string,
  build: (program: Command) => void,
  args: readonly string[],
  note: (text: string) => void,
): Promise<number> {
  const program = new Command(`deno task ${name}`).exitOverride().configureOutput({ outputError: () => {} });
  try {
    build(program);
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return usageStatus(error, name, note);
    if (error instanceof UserError) {
      note(`error: ${error.message}`);
      return 2;
    }
    note(Deno.inspect(error));
    return 1;
  }
}

function usageStatus(error: CommanderError, name: string, note: (text: string) => void): number {
  if (error.exitCode === 0) return 0; // --help and --version end by throwing
  // Commander puts its suggestion on a second line, and a full stop after some messages.
  note(`${error.message.replace(/\s*\n\s*/, " ").replace(/\.$/, "")}; deno task ${name} --help lists the options`);
  return 2;
}

/** A stop that the user asked for, to be polled between steps. Disposing it gives Ctrl-C its usual meaning back. */
export interface Interrupt extends Disposable {
  /** Aborted from the first Ctrl-C on. */
  readonly signal: AbortSignal;
}

/** The second Ctrl-C ends the process with the status that shells give an interrupted command: 128 + SIGINT (2). */
const interruptedStatus = 130;

/** Calls `callback` at the first Ctrl-C and aborts the signal, so that work can end in order; the second one exits. */
export function onInterrupt(callback: () => void): Interrupt {
  const controller = new AbortController();
  const listener = () => {
    if (controller.signal.aborted) Deno.exit(interruptedStatus);
    controller.abort();
    callback();
  };
  Deno.addSignalListener("SIGINT", listener);
  return { signal: controller.signal, [Symbol.dispose]: () => Deno.removeSignalListener("SIGINT", listener) };
}
