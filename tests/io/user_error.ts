import assert from "node:assert/strict";
import { UserError } from "../../src/error.ts";

/** Asserts that `body` throws a UserError with exactly `message`, on one line. */
export async function assertUserError(body: () => unknown, message: string): Promise<void> {
  await assert.rejects(async () => await body(), (error: unknown) => {
    assert.ok(error instanceof UserError, `wanted a UserError, got ${error}`);
    assert.equal(error.message, message);
    return true;
  });
}

/** Runs `body` and passes over a UserError, which must be one line; any other error is thrown on. */
export function tolerateUserError(body: () => unknown): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    assert.doesNotMatch(error.message, /\n/);
  }
}
