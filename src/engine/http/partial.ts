// Stored parts of a representation: which requests one answers, and adding another to it (RFC 9111 §3.3, §3.4).

import { bodyOf, decodeHead, type StoredResponse } from '../../entry/stored-response.ts';
import type { Stamp } from '../../ledger/ledger.ts';
import { type Fields, fieldValue } from '../../semantics/fields.ts';
import type { Profile } from '../../semantics/policy.ts';
import { type ByteRanges, isComplete, type Part, parseRange, partCovers, partOf } from '../../semantics/ranges.ts';
import { ifRangeHolds } from '../../semantics/reuse.ts';
import { combineParts } from '../../semantics/validation.ts';
import type { GateRequest } from '../contract.ts';
import { type Draft, entryFrom } from './draft.ts';
import type { FlightPlan } from './running-flight.ts';

/** The stored response as a part; undefined when its Content-Range contradicts its body, or its body is not at hand. */
export function storedPart(entry: StoredResponse, profile: Profile): Part | undefined {
  if (entry.large !== undefined) return undefined;
  const fields = decodeHead(entry.bytes, entry.headBytes);
  return partOf({ status: entry.status, fields }, bodyOf(entry), profile);
}

type PartRequest = Pick<GateRequest, 'method' | 'route' | 'fields'>;

/** The ranges the request asks for, when they are to be answered from a representation with these fields. */
export function rangesAsked(
  request: PartRequest,
  stored: Fields,
  { strongModified }: Pick<StoredResponse, 'strongModified'>,
): ByteRanges | undefined {
  // Range is defined for GET alone (RFC 9110 §14.2).
  if (request.method !== 'GET' || request.route.compress?.mayMix(request.fields) === true) return undefined;
  const value = fieldValue(request.fields, 'range');
  const ranges = value === undefined ? undefined : parseRange(value);
  return ranges === undefined || !ifRangeHolds(request.fields, stored, strongModified) ? undefined : ranges;
}

/** True when the stored part holds all that the request asks for. */
export function answersRange(entry: StoredResponse, request: PartRequest): boolean {
  const part = storedPart(entry, request.route.policy.profile);
  if (part === undefined) return false;
  const ranges = rangesAsked(request, part.fields, entry);
  return ranges !== undefined && partCovers(part, ranges);
}

/** Parts are put together in memory, in one allocation, however large. */
export function isPart({ part }: Pick<FlightPlan, 'part'>, { status }: Pick<Draft, 'status'>): boolean {
  return status === 206 || part !== undefined;
}

/**
 * The entry that a stored part and a newer one make together; undefined when they are not surely of one representation
 * or leave a hole. The strong validator they share vouches for the old bytes as of the new read, hence the new stamp.
 */
export function combinedEntry(
  stored: StoredResponse,
  newer: {
    readonly draft: Draft;
    readonly stamp: Stamp;
    readonly chunks: readonly Uint8Array[];
    readonly profile: Profile;
  },
): StoredResponse | undefined {
  const { draft, stamp, profile } = newer;
  // A 206 that leaves Vary out would make one of two variants the answer for all.
  if (draft.key !== stored.key) return undefined;
  const old = storedPart(stored, profile);
  const added = storedPart(entryFrom(draft, stamp, newer.chunks), profile);
  const whole = old === undefined || added === undefined ? undefined : combineParts(old, added);
  if (whole === undefined) return undefined;
  const status = isComplete(whole) ? 200 : 206;
  // A 206 to If-Range leaves out what the client has already (RFC 9110 §15.3.7), so the stored part's tags count as well.
  const tags = [...new Set([...stored.tags, ...draft.tags])];
  return entryFrom({ ...draft, status, fields: whole.fields, tags }, stamp, [whole.body]);
}
