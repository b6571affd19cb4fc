// Edits of an origin's response: first those that the whole engine sees, then those for the client.

import { withVaryByCoding } from '../../semantics/coded-representation.ts';
import {
  type Fields,
  fieldValue,
  filterFields,
  formatHttpDate,
  hasField,
  type ResponseHead,
  withField,
  withoutHopByHop,
} from '../../semantics/fields.ts';
import { formatCacheStatus, type Outcome, withCacheStatus } from '../../semantics/outcome.ts';

import { TAG_FIELDS } from '../../semantics/tags.ts';
import { isStrongLastModified } from '../../semantics/validation.ts';
import type { Route } from '../contract.ts';

/**
 * The response as the route wants it: fields removed, then fields set. A response without Date gets one, for ages are
 * reckoned from it (RFC 9110 §6.6.1).
 */
export function editedResponse(head: ResponseHead, route: Route, now: number): EditedHead {
  const { remove, set } = route.responseFields;
  const dated = hasField(head.fields, 'date') ? head.fields : [...head.fields, 'date', formatHttpDate(now)];
  const strongModified = isStrongLastModified(head.fields);
  if (remove.size === 0 && set.length === 0) {
    return { ...withVary({ status: head.status, fields: dated }, route), strongModified };
  }
  const replaced = new Set(set.filter((_, at) => at % 2 === 0));
  const kept = filterFields(dated, (name) => !remove.has(name) && !replaced.has(name));
  const edited = withVary({ status: head.status, fields: [...kept, ...set] }, route);
  return { ...edited, strongModified: strongModified && !replaced.has('last-modified') };
}

/** With what its own Date says of its Last-Modified (RFC 9110 §8.8.2.2). */
export interface EditedHead extends ResponseHead {
  readonly strongModified?: boolean;
}

/**
 * What a response says to caches: what the origin says counts also where the route takes it from what clients see, and so
 * does what the route says in its place.
 */
export function fieldsForCaches({ fields }: ResponseHead, route: Route): Fields {
  const { set } = route.responseFields;
  return set.length === 0 ? fields : [...fields, ...set];
}

/** A response that may be put in a content coding says so, whoever gets it. */
export function withVary(head: ResponseHead, { compress }: Route): ResponseHead {
  return compress === undefined ? head : { status: head.status, fields: withVaryByCoding(head, compress) };
}

/** The fields of a forwarded response for the client: hop-by-hop fields gone, Cache-Status added. */
export function clientFields(fields: Fields, route: Route, outcome: Outcome): Fields {
  const endToEnd = withoutHopByHop(fields);
  const shown = route.showTags ? endToEnd : withoutDetails(filterFields(endToEnd, (name) => !TAG_FIELDS.has(name)));
  return withCacheStatus(shown, formatCacheStatus(route.policy.cacheName, outcome));
}

const UNTRACKED = 'tidegate-untracked';
/** Longer than a tracker says. */
const MAX_UNTRACKED = 400;

/** Why a tracker had a response not stored, for its operator. */
export function untrackedOf(fields: Fields): string | undefined {
  return fieldValue(fields, UNTRACKED)?.slice(0, MAX_UNTRACKED);
}

/** Why a tracker had a response not stored, without the names and texts of its database, which are no client's affair. */
function withoutDetails(fields: Fields): Fields {
  const stated = fieldValue(fields, UNTRACKED);
  if (stated === undefined) return fields;
  const kinds = stated.split(';').map((reason) => /^\s*([a-z-]+)(?::|\s*$)/.exec(reason)?.[1] ?? 'error');
  return withField(fields, UNTRACKED, [...new Set(kinds)].join('; '));
}
