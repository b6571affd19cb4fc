// Cache-Status (RFC 9211): one member per cache, the one nearest the origin first. Built as text, since a hit pays for
// it; the tests read it back with a parser of structured fields.

import type { Fields } from './fields.ts';
import type { Outcome } from './outcome.ts';

/** Largest integer of a structured field (RFC 9651 §3.3.1). */
const MAX_INTEGER = 999_999_999_999_999;

/** Our member of Cache-Status, e.g. `tidegate; hit; ttl=123` (RFC 9211 §2). `name` is visible ASCII. */
export function formatCacheStatus(name: string, outcome: Outcome): string {
  let member = cacheName(name);
  if (outcome.hit) member += '; hit';
  else if (outcome.forward !== undefined) member += `; fwd=${outcome.forward}`;
  if (outcome.forwardStatus !== undefined) member += `; fwd-status=${outcome.forwardStatus}`;
  if (outcome.ttlSeconds !== undefined) member += `; ttl=${integer(outcome.ttlSeconds)}`;
  if (outcome.stored !== undefined) member += outcome.stored ? '; stored' : '; stored=?0';
  if (outcome.collapsed !== undefined) member += outcome.collapsed ? '; collapsed' : '; collapsed=?0';
  if (outcome.detail !== undefined) member += `; detail=${outcome.detail}`;
  return member;
}

/** A name known to be a token; most often there is but one name. */
let lastToken = '';

/** A token where the name is one, else a string (RFC 9211 §2; RFC 9651 §3.3.3, §3.3.4). */
function cacheName(name: string): string {
  if (name === lastToken) return name;
  if (/^[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*$/.test(name)) {
    lastToken = name;
    return name;
  }
  return `"${name.replace(/[\\"]/g, '\\$&').replace(/[^ -~]/g, '?')}"`;
}

/** Rounded down, so that a response about to become stale is not said to have a second left. */
function integer(seconds: number): number {
  if (Number.isNaN(seconds)) return 0;
  return Math.max(-MAX_INTEGER, Math.min(MAX_INTEGER, Math.floor(seconds)));
}

/** The fields with our member after those of caches nearer the origin (RFC 9211 §2), as a line of its own. */
export function withCacheStatus(fields: Fields, member: string): string[] {
  return [...fields, 'cache-status', member];
}
