// What coding adds to the edits of messages (edits.ts). A route that codes has it in its settings, and no other carries it.
//
// The origin is asked for what is not coded, and knows nothing of the entity tags that the gate gives to
// coded representations; the client knows both. A tag of a coded representation names its bytes. Where a request asks for a
// part of those (Range), the tag must not be turned into the origin's: the origin would answer with a part of other bytes,
// and the client would put the two together. Left as it is it matches nothing, and the answer is whole. A date in If-Range
// names no bytes of any coding, so it counts for clients alone that take none.

import { type CodingRules, codedEtag, originEtags, withVaryByCoding } from '../../semantics/content-coding.ts';
import { type Fields, fieldValue, filterFields, hasField, withField } from '../../semantics/fields.ts';
import { isSafeMethod } from '../../semantics/invalidation.ts';
import { etagInList } from '../../semantics/reuse.ts';
import type { RouteCoding } from '../contract.ts';

export function routeCoding(rules: CodingRules): RouteCoding {
  const mayMix = (fields: Fields) => mayMixCodings(fields, rules);
  return Object.freeze({
    ...rules,
    mayMix,
    originFields({ method, fields, bypass }) {
      if (bypass) return inOriginTags(method, fields, rules);
      const asked = mayMix(fields) ? filterFields(fields, (name) => !OF_A_PART.has(name)) : fields;
      return withField(inOriginTags(method, asked, rules), 'accept-encoding', 'identity');
    },
    asKnownToClient(fields, head) {
      const noneMatch = fieldValue(fields, 'if-none-match');
      const etag = noneMatch === undefined ? undefined : fieldValue(head.fields, 'etag');
      if (noneMatch === undefined || etag === undefined) return head;
      for (const coding of rules.accepted(fieldValue(fields, 'accept-encoding'))) {
        const tag = coding === 'identity' ? etag : codedEtag(etag, coding);
        if (etagInList(noneMatch, tag)) return { status: head.status, fields: withField(head.fields, 'etag', tag) };
      }
      return head;
    },
    withVary: (head) => ({ status: head.status, fields: withVaryByCoding(head, rules) }),
  } satisfies RouteCoding);
}

const OF_A_PART: ReadonlySet<string> = new Set(['range', 'if-range']);

function mayMixCodings(fields: Fields, { accepted }: CodingRules): boolean {
  const condition = fieldValue(fields, 'if-range');
  if (condition === undefined || condition.includes('"')) return false;
  return accepted(fieldValue(fields, 'accept-encoding')).some((one) => one !== 'identity');
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
