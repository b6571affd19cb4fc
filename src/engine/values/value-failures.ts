// What callers of the data cache are told when they get no value.

import { TidegateError } from '../../errors.ts';

/** `key`: as the message names it. */
export function fillFailure(key: string, error: unknown): TidegateError {
  if (error instanceof TidegateError) return error;
  const got = error instanceof Error ? error.message || `an ${error.name} without a message` : String(error);
  return new TidegateError('E_FILL', `expected a value from the fill of ${key}, got ${got}`, { cause: error });
}

export function nothingFilled(key: string): TidegateError {
  return new TidegateError(
    'E_FILL',
    `expected a value from the fill of ${key}, got undefined; null stands for nothing`,
  );
}

/** For one who joined, and waits no longer. */
export function late(key: string, hardMs: number): TidegateError {
  const message = `expected the fill of ${key}, which another call began, to end within ${hardMs} ms, got no end`;
  return new TidegateError('E_FILL_TIMEOUT', message);
}

/** For a fill that is given up. */
export function overdue(key: string, hardMs: number): TidegateError {
  return new TidegateError('E_FILL_TIMEOUT', `expected the fill of ${key} to end within ${hardMs} ms, got no end`);
}

/** For one that is told to end. */
export function closing(key: string): TidegateError {
  return new TidegateError(
    'E_FILL_TIMEOUT',
    `expected the fill of ${key} to end before its cache closes, got no end yet`,
  );
}
