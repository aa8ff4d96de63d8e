/**
 * An error that the user can mend: wrong input, wrong flag, missing file.
 *
 * The message is one line, action first: what was wanted, what came, what to do. A command that meets one prints the
 * line and exits with status 2, without a stack. Every other error is a bug and keeps its stack.
 */
export class UserError extends Error {
  /** Tells user mistakes from bugs where errors are printed. */
  override name = "UserError";
}

/** What to throw for an error that came while a file was used: the user's mistakes name the file, bugs stay as they are. */
export function naming(file: string, cause: unknown): unknown {
  if (!(cause instanceof UserError) || cause.message.includes(file)) return cause;
  return new UserError(`${file}: ${cause.message}`, { cause });
}
