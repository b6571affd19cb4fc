// The beginning of a database that is tracked: whatever fails is told in one form, with what was expected.

import { TidegateError } from '../errors.ts';

/** Rejects with E_FEED. `what`: in words. */
export async function opening<T>(what: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (cause) {
    if (cause instanceof TidegateError) throw cause;
    throw new TidegateError('E_FEED', `expected ${what}, got: ${reasonOf(cause)}`, { cause });
  }
}

/** Several addresses of a host make an error of several, which has no message of its own. */
export function reasonOf(cause: unknown): string {
  const errors = cause instanceof AggregateError ? cause.errors : [cause];
  return errors.map((error) => (error instanceof Error ? error.message : String(error))).join('; ');
}
