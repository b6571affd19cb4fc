// Requests on a route that codes: the origin is asked for what is not coded, and knows nothing of the entity tags that the
// gate gives to coded representations; the client knows both.
//
// A tag of a coded representation names its bytes. Where a request asks for a part of those (Range),
// the tag must not be turned into the origin's: the origin would answer with a part of other bytes, and the client would
// put the two together. Left as it is it matches nothing, and the answer is whole. A date in If-Range names no bytes of any
// coding, so it counts for clients alone that take none.

import { type CodingRules, codedEtag, originEtags } from '../../semantics/coded-representation.ts';
import {
  type Fields,
  fieldValue,
  filterFields,
  hasField,
  type ResponseHead,
  withField,
} from '../../semantics/fields.ts';
import { etagInList } from '../../semantics/preconditions.ts';
import { isSafeMethod } from '../../semantics/unsafe.ts';
import type { GateRequest } from '../contract.ts';

/**
 * The request's fields as the origin is to see them. Accept-Encoding is the same for every request that may be answered
 * from the cache, so it selects nothing there; what goes by the cache keeps the client's.
 */
export function originFields({ route, method, fields, bypass }: GateRequest): Fields {
  if (route.compress === undefined) return fields;
  if (bypass) return inOriginTags(method, fields, route.compress);
  const asked = mayMixCodings({ route, fields }) ? filterFields(fields, (name) => !OF_A_PART.has(name)) : fields;
  return withField(inOriginTags(method, asked, route.compress), 'accept-encoding', 'identity');
}

const OF_A_PART: ReadonlySet<string> = new Set(['range', 'if-range']);

/** True: what the client has of the representation may be in another coding than the part that it asks for by a date. */
export function mayMixCodings({ route, fields }: Pick<GateRequest, 'route' | 'fields'>): boolean {
  const condition = route.compress && fieldValue(fields, 'if-range');
  if (condition === undefined || condition.includes('"')) return false;
  return route.compress?.accepted(fieldValue(fields, 'accept-encoding')).some((one) => one !== 'identity') === true;
}

/**
 * Preconditions of writes, and of reads those that ask for no part, in the origin's tags. Of If-None-Match only tags of
 * codings that the client takes: a 304 is to name the representation that it has (asKnownToClient).
 */
function inOriginTags(method: string, fields: Fields, { accepted }: CodingRules): Fields {
  const isRead = isSafeMethod(method);
  if (isRead && hasField(fields, 'range')) return fields;
  let changed = fields;
  for (const name of ['if-match', 'if-none-match']) {
    const value = fieldValue(fields, name);
    const codings = isRead && name === 'if-none-match' ? accepted(fieldValue(fields, 'accept-encoding')) : undefined;
    if (value !== undefined) changed = withField(changed, name, originEtags(value, codings));
  }
  return changed;
}

/**
 * The head with the entity tag by which the client knows this content: of the representations that the client takes, the
 * best that it names in If-None-Match. Only those that it takes: a cache that asks for one of its clients is told by the
 * 304 which of its stored responses to use.
 */
export function asKnownToClient(request: Pick<GateRequest, 'route' | 'fields'>, head: ResponseHead): ResponseHead {
  const { compress } = request.route;
  const noneMatch = compress === undefined ? undefined : fieldValue(request.fields, 'if-none-match');
  const etag = noneMatch === undefined ? undefined : fieldValue(head.fields, 'etag');
  if (compress === undefined || noneMatch === undefined || etag === undefined) return head;
  for (const coding of compress.accepted(fieldValue(request.fields, 'accept-encoding'))) {
    const tag = coding === 'identity' ? etag : codedEtag(etag, coding);
    if (etagInList(noneMatch, tag)) return { status: head.status, fields: withField(head.fields, 'etag', tag) };
  }
  return head;
}

/**
 * The selecting header fields that count on the route: its origin is not told what codings the client takes, and sees no
 * cookies but those of the key.
 */
export function countingNames(names: readonly string[], { compress, policy }: GateRequest['route']): readonly string[] {
  const coded = compress === undefined ? names : names.filter((name) => name !== 'accept-encoding');
  if (policy.cookies?.hasKey !== true || coded.includes('cookie')) return coded;
  return [...coded, 'cookie'].sort();
}
