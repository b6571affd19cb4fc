// A stored response updated from a 304 or from the answer to a HEAD (RFC 9111 §3.2, §4.3.4, §4.3.5).
//
// An update can say anything a response can, no-store or another tag among it. So what results is
// judged like a response that has just arrived; and since the tags of the stored one may have been left out of its
// fields, they count as well.

import { decodeHead, type StoredResponse } from '../../entry/stored-response.ts';
import type { Stamp } from '../../ledger/fills.ts';
import { fieldValue, type ResponseHead } from '../../semantics/fields.ts';
import { reuseTerms, type Timing } from '../../semantics/freshness.ts';
import type { Tags } from '../../semantics/tags.ts';
import { freshenedFields } from '../../semantics/validation.ts';
import { withVary } from '../answers/response-fields.ts';
import type { GateRequest } from '../contract.ts';
import { bodyFor, draftOf, entryFrom, keptFields, type Refusal } from './draft.ts';

export interface Freshened {
  readonly entry: StoredResponse;
  /** Selecting header fields, sorted. */
  readonly names: readonly string[];
  /** Why the result may be used for those who wait, and not be stored. */
  readonly refusal: Refusal | undefined;
}

export function freshen(
  stored: StoredResponse,
  by: {
    readonly update: ResponseHead;
    readonly request: GateRequest;
    /** Plain cache key. */
    readonly key: string;
    readonly timing: Timing;
    readonly stamp: Stamp;
    /** Those of the update. */
    readonly tags: Tags;
  },
): Freshened {
  const { request, key, timing, stamp } = by;
  const before = decodeHead(stored.bytes, stored.headBytes);
  const updated = freshenedFields(before, by.update.fields);
  // Date is of the update from here on; what it said of the body when that came still holds of the same Last-Modified.
  const isSameModified = fieldValue(updated, 'last-modified') === fieldValue(before, 'last-modified');
  const strongModified = stored.strongModified === true && isSameModified;
  const head = { ...withVary({ status: stored.status, fields: updated }, request.route), strongModified };
  // For a client that is known, or says no-store, an update is its own: it is answered by it, and nobody else is.
  const asked = { method: 'GET', fields: request.fields };
  const draft = draftOf(head, { request, asked, key, delimited: true, timing, tags: by.tags });
  if (typeof draft === 'object') {
    const tags = [...new Set([...stored.tags, ...draft.tags])];
    return { entry: entryFrom({ ...draft, tags }, stamp, bodyFor(stored)), names: draft.names, refusal: undefined };
  }
  const { policy } = request.route;
  const fields = keptFields(head.fields, request);
  const kept = { key: stored.key, status: stored.status, fields, tags: stored.tags, names: [] };
  const entry = entryFrom({ ...kept, ...reuseTerms(head, policy, timing) }, stamp, bodyFor(stored));
  return { entry, names: [], refusal: draft };
}
