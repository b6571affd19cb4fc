// What caches outside the gate may hold: browsers, and shared caches between them and the gate.
//
// An invalidation does not reach them, so a route states how long they may go on. The statement is made with each answer, since
// it counts from now: an answer of age A that may be held for n seconds says A + n (RFC 9111 §4.2.3). None holds an answer
// longer than the gate's own entry is fresh, and none an answer that the gate does not store.

import { type Fields, fieldValue, filterFields, listMembers } from './fields.ts';

/** In whole seconds. */
export interface OutwardRules {
  /** Of browsers. */
  readonly maxAge: number;
  /** Of shared caches. 0: they store nothing. */
  readonly sMaxage: number;
  /** How much longer shared caches may serve while they ask again. */
  readonly staleWhileRevalidate: number;
  /** Targeted fields for shared caches (RFC 9213), in lower case. */
  readonly targeted: readonly string[];
}

/** Directives that forbid something: they stay as the origin has stated them. */
const KEPT = /^(?:private|no-store|no-cache|must-revalidate|proxy-revalidate|no-transform|must-understand)(?![\w-])/i;

/** Fields that would say something else to a cache. */
const STATEMENTS = /^(?:expires|pragma|surrogate-control|edge-control|(?:.+-)?cache-control)$/;

/**
 * The fields of an answer with the statements of the route. `age`: its Age field; `left`: how long the gate's entry stays fresh, 0
 * or less when it is not, or is not stored. Both in seconds.
 */
export function outwardFields(
  fields: Fields,
  { maxAge, sMaxage, staleWhileRevalidate, targeted }: OutwardRules,
  { age, left }: { readonly age: number; readonly left: number },
): Fields {
  const fresh = Math.max(0, left);
  const own = Math.min(maxAge, fresh);
  const shared = Math.min(sMaxage, fresh);
  const stale = Math.min(staleWhileRevalidate, fresh - shared);
  const kept = listMembers(fieldValue(fields, 'cache-control')).filter((directive) => KEPT.test(directive));
  const forAll = new Set([
    ...kept,
    shared === 0 ? 'private' : `s-maxage=${age + shared}`,
    own === 0 ? 'max-age=0' : `max-age=${age + own}`,
    'must-revalidate',
  ]);
  const restricted = kept.some((directive) => /^(?:private|no-store)/i.test(directive));
  const whenStale = stale === 0 ? 'must-revalidate' : `stale-while-revalidate=${stale}`;
  const forShared = shared === 0 || restricted ? 'no-store' : `max-age=${age + shared}, ${whenStale}`;
  return [
    ...filterFields(fields, (name) => !STATEMENTS.test(name)),
    ...['cache-control', [...forAll].join(', ')],
    ...targeted.flatMap((name) => [name, forShared]),
  ];
}

/** The age that an answer states itself, in seconds. */
export function statedAge(fields: Fields): number {
  const age = fieldValue(fields, 'age') ?? '';
  return /^\d{1,9}$/.test(age) ? Number(age) : 0;
}
