// An error for a listener that could not be opened.

import { isIPv6 } from 'node:net';
import { TidegateError } from '../errors.ts';

const REASONS: ReadonlyMap<string, string> = new Map([
  ['EADDRINUSE', 'the port is in use'],
  ['EACCES', 'this user may not listen there'],
  ['EADDRNOTAVAIL', 'this machine does not have the address'],
  ['ENOTFOUND', 'the name does not resolve'],
  ['EAI_AGAIN', 'the name does not resolve now'],
]);

/** `what`: the listening part. */
export function portError(at: { host: string; port: number }, error: unknown, what = 'clients'): TidegateError {
  const { code = 'an error', message } = error as NodeJS.ErrnoException;
  const where = `${isIPv6(at.host) ? `[${at.host}]` : at.host}:${at.port}`;
  const got = `${code}: ${REASONS.get(code) ?? message}`;
  return new TidegateError('E_PORT', `expected to listen on ${where} for ${what}, got ${got}`, { cause: error });
}
