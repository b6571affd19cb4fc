// What becomes of a flight's answer: reasons against storing it, what it says of the entry it would replace, the entry that a
// draft and its body make, and the last step: that entry is stored, or not, for reasons that only now are known.
//
// An error of the moment gives way to a good answer that came in between.

import type { StoredResponse } from '../../entry/stored-response.ts';
import type { Fill, Stamp } from '../../ledger/ledger.ts';
import type { Eventually } from '../../ports.ts';
import type { ResponseHead } from '../../semantics/fields.ts';
import { currentAgeMs } from '../../semantics/reuse.ts';
import { untrackedOf } from '../answers/edits.ts';
import type { Context } from '../context.ts';
import type { Route } from '../contract.ts';
import { type Draft, entryFrom, isMomentary, type Refusal } from './draft.ts';
import { combinedEntry, storedPart } from './partial.ts';
import type { FlightPlan } from './running-flight.ts';

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
  { invalidator }: Context,
  { replaces, request }: FlightPlan,
  answer: { readonly head: ResponseHead; readonly refusal: Refusal },
): Eventually<unknown> {
  if (replaces === undefined || isMomentary(answer.head.status) || !DENIALS.has(answer.refusal)) return undefined;
  return invalidator.invalidate({ kind: 'url', uri: request.uri });
}

/** The entry, joined with the stored part that it completes; undefined: a part that contradicts itself. */
export function filledEntry(
  { part, request }: FlightPlan,
  filled: { readonly draft: Draft; readonly stamp: Stamp; readonly chunks: readonly Uint8Array[] },
): StoredResponse | undefined {
  const { draft, stamp, chunks } = filled;
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
  return undefined;
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
