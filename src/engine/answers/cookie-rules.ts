// A route's rules for cookies, made from the names and patterns that its operator gives.

import { globMatcher } from '../../ledger/glob.ts';
import type { CookieRules } from '../../semantics/policy.ts';

/** Names of cookies, or patterns of them: `*` any characters, `?` one. */
export interface CookieOptions {
  /** Part of the key; of all cookies they alone are forwarded. Default: none. */
  readonly key?: readonly string[];
  /** Taken off the forwarded request; `all`: all but those of the key. Requests with any other go by. Default: none. */
  readonly drop?: 'all' | readonly string[];
}

/** White space, `;`, `=` and their like are in no name (RFC 6265 §4.1.1), and a pattern with one would match nothing. */
export function isCookiePattern(pattern: unknown): pattern is string {
  return typeof pattern === 'string' && /^[^\s;=,"\p{Cc}]+$/u.test(pattern);
}

export function cookieRules({ key = [], drop = [] }: CookieOptions): CookieRules {
  return Object.freeze({
    isInKey: anyOf(key),
    isDropped: drop === 'all' ? () => true : anyOf(drop),
    hasKey: key.length > 0,
  });
}

function anyOf(patterns: readonly string[]): (name: string) => boolean {
  const tests = patterns.map(globMatcher);
  return (name) => tests.some((matches) => matches(name));
}
