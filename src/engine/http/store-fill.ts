// What becomes of a flight's answer: reasons against storing it, what it says of the entry it would replace, the entry that a
// draft and its body make, or that a 304 or the answer to a HEAD updates (RFC 9111 §3.2, §4.3.3 to §4.3.5), and the last step:
// that entry is stored, or not, for reasons that only now are known.
//
// An error of the moment gives way to a good answer that came in between. An update can say anything a response can, no-store
// or another tag among it. So what results is judged like a response that has just arrived; and since the tags of the stored
// one may have been left out of its fields, they count as well.

import { keyParts } from '../../entry/key.ts';
import { bodyBytesOf, bodyOf, decodeHead, type Entry, type StoredResponse } from '../../entry/stored-response.ts';
import type { Fill, Stamp } from '../../ledger/ledger.ts';
import type { Eventually } from '../../ports.ts';
import { fieldValue, type ResponseHead } from '../../semantics/fields.ts';
import { reuseTerms, type Timing } from '../../semantics/freshness.ts';
import type { Tags } from '../../semantics/invalidation.ts';
import { currentAgeMs } from '../../semantics/reuse.ts';
import {
  etagsMatchStrong,
  freshenedFields,
  headUpdate,
  validationAnswers,
  validators,
} from '../../semantics/validation.ts';
import { untrackedOf, withVary } from '../answers/edits.ts';
import type { Context } from '../context.ts';
import type { Route } from '../contract.ts';
import { invalidateBy } from '../invalidating.ts';
import { bodyFor, type Draft, draftOf, entryFrom, isMomentary, keptFields, type Refusal } from './draft.ts';
import type { HeldChunks } from './held-chunks.ts';
import { combinedEntry, isPart, storedPart } from './partial.ts';
import type { FlightPlan, Landing, RunningFlight } from './running-flight.ts';

/**
 * The fill counts as of the read that its origin states, where that is older than the fill. No stamp is known for a read of
 * another epoch: everything affects it, so it is neither stored nor shared.
 */
export function countAsOf({ fills }: Context['ledger'], fill: Fill, readAt: Stamp): void {
  const { epoch, position } = fill.stamp;
  const known = readAt.epoch === epoch && readAt.position >= 0 ? readAt.position : -1;
  if (known < position) fills.countFrom(fill, known, 0);
}

/** Reasons against storing that are known at the head already and do not lie in the response alone. */
export function refusalAtHead(
  { ledger }: Context,
  { replaces, request }: FlightPlan,
  answer: { readonly head: ResponseHead; readonly draft: Draft; readonly stamp: Stamp },
): Refusal | undefined {
  const { head, draft, stamp } = answer;
  if (replaces !== undefined && replaces.status < 400 && isMomentary(head.status)) return 'keep-good';
  const { uri, route } = request;
  return ledger.judge(stamp, { uri, origin: route.originName, tags: draft.tags });
}

/**
 * What is stored is not what the origin says any more, and what it says is not for storing: so nothing is. Over once that
 * is in force.
 */
export function denial(
  context: Context,
  { replaces, request }: FlightPlan,
  answer: { readonly head: ResponseHead; readonly refusal: Refusal },
): Eventually<unknown> {
  if (replaces === undefined || isMomentary(answer.head.status) || !DENIALS.has(answer.refusal)) return undefined;
  return invalidateBy(context, 'origin', [{ kind: 'url', uri: request.uri }]);
}

/** The entry, joined with the stored part that it completes; undefined: a part that contradicts itself. */
export function filledEntry(
  plan: FlightPlan,
  filled: { readonly draft: Draft; readonly stamp: Stamp; readonly held: HeldChunks; readonly inPieces: boolean },
): StoredResponse | undefined {
  const { draft, stamp, held, inPieces } = filled;
  const { chunks } = held;
  if (inPieces && held.isLarge && !isPart(plan, draft)) return entryFrom(draft, stamp, held.large);
  const { part, request } = plan;
  const { profile } = request.route.policy;
  const combined = part === undefined ? undefined : combinedEntry(part, { draft, stamp, chunks, profile });
  const entry = combined ?? entryFrom(draft, stamp, chunks);
  return entry.status !== 206 || storedPart(entry, profile) !== undefined ? entry : undefined;
}

/** Remembers why nothing was stored, for whoever asks next. */
export function noteRefusal(
  { tally }: Context,
  { request, key }: FlightPlan,
  { refusal, head }: { readonly refusal: Refusal; readonly head: ResponseHead | undefined },
): void {
  // The answer to a write says nothing about the next GET.
  if (request.method !== 'GET') return;
  tally.refused(key, { refusal, untracked: head && untrackedOf(head.fields) });
}

export interface Filled {
  readonly entry: StoredResponse;
  /** Plain cache key. */
  readonly key: string;
  /** Selecting header fields of the response. */
  readonly names: readonly string[];
  readonly fill: Fill;
  readonly route: Route;
  /** The invalidated one that it replaces, where a request wanted that. */
  readonly outdated?: StoredResponse | undefined;
}

/** Stores the entry; returns why it was not. */
export function storeFill(context: Context, filled: Filled): Refusal | undefined {
  const { entry, key, fill, route } = filled;
  const coder = route.compress && context.coder;
  const before = coder && storedResponse(context, entry.key);
  const refusal = refusalAtTheEnd(context, filled) ?? context.tiers.store(fill, filled);
  if (refusal !== undefined) return refusal;
  coder?.replaced(before, entry, route);
  context.tally.stored(key);
  const isSame = filled.outdated && isSameContent(filled.outdated, entry);
  if (isSame !== undefined) context.statistics.refilled(route, isSame);
  return undefined;
}

/** Bodies up to here are compared byte by byte, which takes a quarter of a millisecond. */
const MOST_COMPARED = 256 * 1024;

/** Whether the origin says what it said before; undefined: neither the bytes nor entity tags tell. */
function isSameContent(one: StoredResponse, other: StoredResponse): boolean | undefined {
  const length = bodyBytesOf(one);
  if (one.status !== other.status || length !== bodyBytesOf(other)) return false;
  const [had = '', has = ''] = [one, other].map(
    ({ bytes, headBytes }) => validators(decodeHead(bytes, headBytes)).etag,
  );
  if (etagsMatchStrong(had, has)) return true;
  const isComparable = length <= MOST_COMPARED && one.large === undefined && other.large === undefined;
  return isComparable ? areSame(bodyOf(one), bodyOf(other)) : undefined;
}

/** Of the same length. */
function areSame(one: Uint8Array, other: Uint8Array): boolean {
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}

/** The stored response under the key, where a tier answers at once. */
function storedResponse({ tiers, fault }: Context, key: string): StoredResponse | undefined {
  const found = tiers.get(key);
  if (found instanceof Promise) found.catch(fault);
  else if (found?.kind === 'response') return found;
  return undefined;
}

function refusalAtTheEnd(context: Context, { entry, route }: Filled): Refusal | undefined {
  if (route.retired()) return 'route-retired';
  if (!isMomentary(entry.status)) return undefined;
  const stored = storedResponse(context, entry.key);
  return stored !== undefined && stored.status < 400 && isUsable(context, stored) ? 'keep-good' : undefined;
}

/** Fresh, or of use when the origin fails. */
function isUsable(context: Context, entry: StoredResponse): boolean {
  const { lifetimeMs, staleIfErrorMs, graceMs } = entry.terms;
  const overMs = currentAgeMs(entry.bornMs, context.clock.now()) - lifetimeMs;
  return context.ledger.isCurrent(entry) && overMs < Math.max(staleIfErrorMs, graceMs);
}

/**
 * Refusals that lie in a response for everyone: the origin says something else now, and not for storing. What is stored
 * for the URI is not what a client would get any more.
 */
const DENIALS: ReadonlySet<Refusal> = new Set<Refusal>([
  'status-not-cacheable',
  'error-without-freshness',
  'no-freshness',
  'no-store',
  'private',
  'set-cookie',
  'vary-any',
  'must-understand',
  'too-large',
  'too-many-tags',
]);

interface Freshened {
  readonly entry: StoredResponse;
  /** Selecting header fields, sorted. */
  readonly names: readonly string[];
  /** Why the result may be used for those who wait, and not be stored. */
  readonly refusal: Refusal | undefined;
}

/** A 304, or the answer to a HEAD, about what is stored. */
interface Update {
  readonly stored: StoredResponse;
  readonly head: ResponseHead;
  readonly timing: Timing;
  readonly stamp: Stamp;
  readonly tags: Tags;
}

function freshen({ request, key }: FlightPlan, { stored, head: update, timing, stamp, tags }: Update): Freshened {
  const before = decodeHead(stored.bytes, stored.headBytes);
  const updated = freshenedFields(before, update.fields);
  // Date is of the update from here on; what it said of the body when that came still holds of the same Last-Modified.
  const isSameModified = fieldValue(updated, 'last-modified') === fieldValue(before, 'last-modified');
  const strongModified = stored.strongModified === true && isSameModified;
  const head = { ...withVary({ status: stored.status, fields: updated }, request.route), strongModified };
  // For a client that is known, or says no-store, an update is its own: it is answered by it, and nobody else is.
  const asked = { method: 'GET', fields: request.fields };
  const draft = draftOf(head, { request, asked, key, delimited: true, timing, tags });
  if (typeof draft === 'object') {
    const merged = { ...draft, tags: [...new Set([...stored.tags, ...draft.tags])] };
    return { entry: entryFrom(merged, stamp, bodyFor(stored)), names: draft.names, refusal: undefined };
  }
  const { policy } = request.route;
  const fields = keptFields(head.fields, request);
  const kept = { key: stored.key, status: stored.status, fields, tags: stored.tags, names: [] };
  const entry = entryFrom({ ...kept, ...reuseTerms(head, policy, timing) }, stamp, bodyFor(stored));
  return { entry, names: [], refusal: draft };
}

/** RFC 9111 §4.3.3, §4.3.4: a 304 freshens what it validates; undefined: it is for something else, no answer to us. */
export function validatedEntry({ ledger }: Context, plan: FlightPlan, update: Update): Freshened | undefined {
  const { stored, head } = update;
  const { profile } = plan.request.route.policy;
  const fields = decodeHead(stored.bytes, stored.headBytes);
  const match = validationAnswers(fields, head.fields, { sole: true, outdated: !ledger.isCurrent(stored), profile });
  return match === 'mismatch' ? undefined : freshen(plan, update);
}

/**
 * Freshens or invalidates the stored response. An outdated one is freshened only where a strong validator, found again
 * in the HEAD, vouches for its body; else it waits for a GET.
 */
export function updateByHead(
  context: Context,
  what: { readonly flight: RunningFlight; readonly landing: Landing; readonly entry: StoredResponse },
): void {
  const { flight, landing, entry } = what;
  if (landing.kind !== 'response') return;
  const stored = decodeHead(entry.bytes, entry.headBytes);
  const { head } = landing;
  const effect = headUpdate(stored, head.status, head.fields);
  if (effect === 'invalidate')
    context.invalidator.invalidateSoon({ kind: 'url', uri: keyParts(entry.key).uri }, 'origin');
  if (effect !== 'freshen') return;
  const [had = '', said = ''] = [validators(stored).etag, validators(head.fields).etag];
  const vouched = etagsMatchStrong(had, said);
  if (!vouched && !context.ledger.isCurrent(entry)) return;
  const now = context.clock.now();
  const timing = { requestTimeMs: now - (flight.forwardMs ?? 0), responseTimeMs: now };
  // Another answer may have been stored in the meantime; the HEAD was not about that one.
  const found = context.tiers.get(entry.key);
  const { plan, fill, tags } = flight;
  const freshened = freshen(plan, { stored: entry, head, timing, stamp: fill.stamp, tags });
  if (freshened.refusal !== undefined) return;
  const { entry: updated, names } = freshened;
  const filled = { entry: updated, key: plan.key, names, fill, route: plan.request.route };
  if (!(found instanceof Promise)) {
    if (isOfOneFill(found, entry)) storeFill(context, filled);
  } else {
    // By then the flight may have ended, and a later one have stored what it read.
    const { fills } = context.ledger;
    const again = fills.again(fill);
    found
      .then((later) => isOfOneFill(later, entry) && storeFill(context, { ...filled, fill: again }))
      .catch(context.fault)
      .finally(() => fills.end(again));
  }
}

/** True when the two are one entry: a tier may make it anew each time it is asked. */
function isOfOneFill(found: Entry | undefined, entry: StoredResponse): boolean {
  if (found?.kind !== 'response') return false;
  return found.epoch === entry.epoch && found.stamp === entry.stamp && found.bornMs === entry.bornMs;
}
