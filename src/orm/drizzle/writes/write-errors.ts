// Whether a write that failed is known not to have been done.

/** Errors that a database itself answered with. PostgreSQL: SQLSTATE, five characters; class 08 is of connections. */
const SQLSTATE = /^(?!08)[0-9A-Z]{5}$/;
const SQLITE = /^(?:SQLITE_(?!IOERR)|ERR_SQLITE_ERROR$)/;
const D1 = /^D1_ERROR\b.*SQLITE_/;

const NO_TRANSACTION = /\b(?:no transaction is active|no such savepoint)\b/;

const MAX_CAUSES = 8;

/** True: nobody has said that it failed, e.g. the connection was lost. */
export function isOutcomeUnknown(error: unknown): boolean {
  return !causesOf(error).some(
    ({ code, message }) =>
      (typeof code === 'string' && (SQLSTATE.test(code) || SQLITE.test(code))) ||
      (typeof message === 'string' && D1.test(message)),
  );
}

/** True: SQLite says that there was no transaction to end. */
export function hadNoTransaction(error: unknown): boolean {
  return causesOf(error).some(({ message }) => typeof message === 'string' && NO_TRANSACTION.test(message));
}

interface Cause {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
}

function causesOf(error: unknown): readonly Cause[] {
  const causes: Cause[] = [];
  for (let cause = error; causes.length < MAX_CAUSES && typeof cause === 'object' && cause !== null; ) {
    causes.push(cause);
    ({ cause } = cause as Cause);
  }
  return causes;
}
