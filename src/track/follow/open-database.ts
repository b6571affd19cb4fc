// The beginning of a database that is tracked: each error names the database, and what was expected of it.
//
// The server's own messages are whole sentences, as are errors of this package. Both stay as they are; only errors on
// the way to the server have to be made into a sentence.

import { messageOf, TidegateError } from '../../errors.ts';

/** PostgreSQL's error codes. */
const SQLSTATE = /^[0-9A-Z]{5}$/;

/** Rejects with E_FEED. `what`: in words. */
export async function opening<T>(what: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (cause) {
    throw named(what, cause);
  }
}

function named(what: string, cause: unknown): TidegateError {
  if (cause instanceof TidegateError) {
    return cause.message.includes(what) ? cause : new TidegateError(cause.code, `${what}: ${cause.message}`, { cause });
  }
  const message = reasonOf(cause);
  const isWhole = isOfServer(cause) || /^expected\b/.test(message);
  return new TidegateError('E_FEED', isWhole ? `${what}: ${message}` : `expected ${what}, got: ${message}`, { cause });
}

function isOfServer(cause: unknown): boolean {
  const { code, severity } = (cause ?? {}) as { readonly code?: unknown; readonly severity?: unknown };
  return typeof code === 'string' && SQLSTATE.test(code) && typeof severity === 'string';
}

/** Several addresses of a host make an error of several, which has no message of its own. */
export function reasonOf(cause: unknown): string {
  const errors = cause instanceof AggregateError ? cause.errors : [cause];
  return errors.map(messageOf).join('; ');
}
