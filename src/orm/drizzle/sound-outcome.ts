// Whether a write that failed is known not to have been done.

/** Errors that a database itself answered with. PostgreSQL: SQLSTATE, five characters; class 08 is of connections. */
const SQLSTATE = /^(?!08)[0-9A-Z]{5}$/;
const SQLITE = /^(?:SQLITE_(?!IOERR)|ERR_SQLITE_ERROR$)/;
const D1 = /^D1_ERROR\b.*SQLITE_/;

const MAX_CAUSES = 8;

/** True: nobody has said that it failed, e.g. the connection was lost. */
export function isOutcomeUnknown(error: unknown): boolean {
  let cause = error;
  for (let depth = 0; depth < MAX_CAUSES && typeof cause === 'object' && cause !== null; depth++) {
    const { code, message, cause: next } = cause as { code?: unknown; message?: unknown; cause?: unknown };
    if (typeof code === 'string' && (SQLSTATE.test(code) || SQLITE.test(code))) return false;
    if (typeof message === 'string' && D1.test(message)) return false;
    cause = next;
  }
  return true;
}
