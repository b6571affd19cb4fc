// Entity tags (RFC 9110, section 8.8.3) of values, for programs that answer HTTP requests from the cache.

import { TidegateError } from '../errors.ts';
import { canonical } from './canonical.ts';
import { digest128 } from './digest.ts';

/**
 * A strong entity tag of what the value contains: the same for equal values, whatever the order of their properties, and
 * in every process. It takes about as long as writing the value as JSON a few times. Throws E_VALUE for what is no plain
 * data.
 */
export function etagOf(value: unknown): string {
  return `"${digest128(canonical(value, (reason) => new TidegateError('E_VALUE', reason)))}"`;
}
