// From a response's head to an entry: first a draft, made when the head arrives, so that others may join; then, with the
// whole body, the entry.

import { sourceOf, variantKey } from '../../entry/key.ts';
import { bodyOf, type LargeBody, lengthOf, type StoredResponse, wireForm } from '../../entry/stored-response.ts';
import type { Stamp } from '../../ledger/ledger.ts';
import {
  type Fields,
  fieldValue,
  filterFields,
  hasField,
  type RequestHead,
  type ResponseHead,
  selectingFields,
} from '../../semantics/fields.ts';
import { hasCredentials, type ReuseBasis, reuseTerms, type Timing } from '../../semantics/freshness.ts';
import type { Tags } from '../../semantics/invalidation.ts';
import type { CachePolicy } from '../../semantics/policy.ts';
import { decideStoring, STORING_REFUSALS, type StoringRefusal, storableFields } from '../../semantics/storing.ts';
import { normaliserFor } from '../../semantics/vary.ts';
import { countingNames, type EditedHead, shownFields } from '../answers/edits.ts';
import type { GateRequest } from '../contract.ts';

/** Why the engine does not store an answer that RFC 9111 would allow to be stored. */
export const ENGINE_REFUSALS = {
  'invalidated-during-fill': {
    section: 'docs/architecture.md, the fill protocol',
    sentence: 'an invalidation that affects it arrived after its fill began',
  },
  'intent-open': {
    section: 'docs/architecture.md, the fill protocol',
    sentence: 'a write on its URI is under way',
  },
  'source-not-live': {
    section: 'docs/admin-api.md, POST /sources',
    sentence: 'no tracker tells of the changes of its source just now',
  },
  'too-many-tags': {
    section: 'docs/architecture.md, tags',
    sentence: 'it has more tags than are kept, and a forgotten tag would lose an invalidation',
  },
  'too-large': { section: 'docs/configuration.md, maxBodyBytes', sentence: 'its body is larger than the limit' },
  'keep-good': {
    section: 'docs/architecture.md, keep-good',
    sentence: 'it is an error, and a usable good answer is stored',
  },
  overtaken: {
    section: 'docs/architecture.md, the fill protocol',
    sentence: 'a request that was sent to the origin later has been stored already',
  },
  'route-retired': {
    section: 'docs/architecture.md, the fill protocol',
    sentence: 'the configuration was reloaded while it was filled',
  },
  'not-written': { section: 'docs/architecture.md, the disk tier', sentence: 'the disk could not take its body' },
  'no-memory': {
    section: 'docs/configuration.md, memory.maxBytes',
    sentence: 'there was no room in memory for its body on its way',
  },
  abandoned: {
    section: 'docs/architecture.md, the memory tier',
    sentence: 'nobody waited for it any more, and it was far from done',
  },
  incomplete: { section: 'RFC 9111 §3.3', sentence: 'its body did not arrive completely' },
} as const;

export type Refusal = StoringRefusal | keyof typeof ENGINE_REFUSALS;

/** The reason of a refusal as `explain` prints it. */
export function refusalText(refusal: Refusal): { readonly section: string; readonly sentence: string } {
  return { ...ENGINE_REFUSALS, ...STORING_REFUSALS }[refusal];
}

/** Reasons that say nothing about the next answer of the same key. */
export const PASSING: ReadonlySet<Refusal> = new Set<Refusal>([
  'invalidated-during-fill',
  'intent-open',
  'source-not-live',
  'keep-good',
  'overtaken',
  'route-retired',
  'incomplete',
  'no-memory',
  'abandoned',
  'not-written',
  'not-modified',
  'content-range',
  'request-no-store',
  'method',
]);

/** A response as it would be stored, but for its body. */
export interface Draft extends ResponseHead, ReuseBasis {
  readonly key: string;
  readonly tags: readonly string[];
  /** Selecting header fields of the response, sorted. */
  readonly names: readonly string[];
  /** See StoredResponse. */
  readonly strongModified?: true;
}

export interface Arrival {
  /** The client's request: what it selects, and under which policy. */
  readonly request: GateRequest;
  /** The request that went to the origin. An update of a stored response carries no reason against storing. */
  readonly asked: Pick<RequestHead, 'method' | 'fields'>;
  /** Plain cache key. */
  readonly key: string;
  readonly delimited: boolean;
  readonly timing: Timing;
  /** Those the origin gave it, before the route's edits. */
  readonly tags: Tags;
}

const STRONG_MODIFIED = Object.freeze({ strongModified: true });

/** The draft of a response, or why there is none. */
export function draftOf(head: EditedHead, arrival: Arrival): Draft | Refusal {
  const { request } = arrival;
  const policy = policyFor(arrival);
  const { method, fields } = arrival.asked;
  const asked = { method, uri: request.uri, fields };
  const decision = decideStoring(asked, head, { policy, delimited: arrival.delimited });
  if (decision.kind === 'refuse') return decision.reason;
  if (arrival.tags.overflow) return 'too-many-tags';
  if (Number(fieldValue(head.fields, 'content-length')) > policy.maxBodyBytes) return 'too-large';
  const selecting = selectingFields(fieldValue(head.fields, 'vary'));
  if (selecting === 'any') return 'vary-any';
  const names = countingNames(selecting, request.route);
  return {
    key: requestVariantKey(arrival.key, names, request),
    status: head.status,
    fields: keptFields(head.fields, request),
    ...reuseTerms(head, policy, arrival.timing),
    tags: arrival.tags.tags,
    names,
    ...(head.strongModified === true && STRONG_MODIFIED),
  };
}

/** What was read from a tracked source is outdated by what is told of it, so who comes without credentials may have it for longer. */
function policyFor({ request, asked, tags }: Arrival): CachePolicy {
  const { policy, trackedTtlMs } = request.route;
  if (trackedTtlMs === undefined || asked.method !== 'GET' || hasCredentials(asked.fields, policy)) return policy;
  const isTracked = tags.tags.some((tag) => sourceOf(tag) !== undefined);
  return isTracked ? { ...policy, trackedTtlMs } : policy;
}

/** The key of the variant that the request selects. */
export function requestVariantKey(key: string, names: readonly string[], request: GateRequest): string {
  if (names.length === 0) return key;
  const normalise = normaliserFor(request.route.policy);
  return variantKey(key, names, { request: request.fields, normalise });
}

/** The fields to store; with tag fields only where clients are to see them. */
export function keptFields(fields: Fields, request: GateRequest): Fields {
  const storable = storableFields(fields, request.route.policy);
  return shownFields(storable, request.route);
}

/** The entry a draft becomes once its body is there: in chunks, or in a body store. */
export function entryFrom(draft: Draft, stamp: Stamp, body: readonly Uint8Array[] | LargeBody): StoredResponse {
  const fields = withLength(draft, 'id' in body ? body.bytes : lengthOf(body));
  const { bytes, headBytes } = wireForm(fields, 'id' in body ? [] : body);
  const entry: StoredResponse = {
    kind: 'response',
    key: draft.key,
    bytes,
    headBytes,
    status: draft.status,
    bornMs: draft.bornMs,
    terms: draft.terms,
    tags: draft.tags,
    epoch: stamp.epoch,
    stamp: stamp.position,
    checkedUpTo: stamp.position,
  };
  if (!('id' in body) && draft.strongModified === undefined) return entry;
  return { ...entry, ...('id' in body && { large: body }), ...(draft.strongModified && STRONG_MODIFIED) };
}

/** The body of an entry, as another entry is made of it. */
export function bodyFor(entry: StoredResponse): readonly Uint8Array[] | LargeBody {
  return entry.large ?? [bodyOf(entry)];
}

/** A body that came in chunks is whole now, so its length can be told (RFC 9110 §8.6). */
function withLength(draft: Draft, bodyBytes: number): Fields {
  if (draft.status === 204) return filterFields(draft.fields, (name) => name !== 'content-length');
  if (hasField(draft.fields, 'content-length')) return draft.fields;
  return [...draft.fields, 'content-length', String(bodyBytes)];
}

/** Errors that say something about the moment or the single request, not about the resource (RFC 9110 §15.5, §15.6). */
export function isMomentary(status: number): boolean {
  return status >= 500 || MOMENTARY.has(status);
}

const MOMENTARY: ReadonlySet<number> = new Set([400, 405, 408, 413, 414, 417, 421, 425, 429, 431]);
