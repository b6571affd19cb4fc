// What the gate changes in an origin's response before anything else looks at it, and what it adds for the client.

import { formatCacheStatus, withCacheStatus } from '../semantics/cache-status.ts';
import { type Fields, filterFields, type ResponseHead } from '../semantics/fields.ts';
import type { Outcome } from '../semantics/outcome.ts';
import { withoutHopByHop } from '../semantics/storing.ts';
import { TAG_FIELDS } from '../semantics/tags.ts';
import type { Route } from './contract.ts';

/** The response as the route wants it: fields removed, then fields set. */
export function editedResponse(head: ResponseHead, route: Route): ResponseHead {
  const { remove, set } = route.responseFields;
  if (remove.size === 0 && set.length === 0) return head;
  const replaced = new Set(set.filter((_, at) => at % 2 === 0));
  const kept = filterFields(head.fields, (name) => !remove.has(name) && !replaced.has(name));
  return { status: head.status, fields: [...kept, ...set] };
}

/** The fields of a forwarded response for the client: hop-by-hop fields gone, Cache-Status added. */
export function clientFields(fields: Fields, route: Route, outcome: Outcome): Fields {
  const endToEnd = withoutHopByHop(fields);
  const shown = route.showTags ? endToEnd : filterFields(endToEnd, (name) => !TAG_FIELDS.has(name));
  return withCacheStatus(shown, formatCacheStatus(route.policy.cacheName, outcome));
}
