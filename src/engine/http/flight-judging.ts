// What becomes of a flight's answer: reasons against storing it, what it says of the entry it validates or would replace,
// and the entry that a draft and its body make.

import { decodeHead } from '../../entry/codec.ts';
import type { StoredResponse } from '../../entry/stored-response.ts';
import type { Stamp } from '../../ledger/fills.ts';
import type { Eventually } from '../../ports.ts';
import type { ResponseHead } from '../../semantics/fields.ts';
import type { Timing } from '../../semantics/freshness.ts';
import type { Tags } from '../../semantics/tags.ts';
import { validationAnswers } from '../../semantics/validation.ts';
import { untrackedOf } from '../answers/response-fields.ts';
import type { Context } from '../context.ts';
import { type Draft, entryFrom, isMomentary, isPassing, type Refusal } from './draft.ts';
import type { FlightPlan } from './flight-plan.ts';
import { type Freshened, freshen } from './freshening.ts';
import { combinedEntry, storedPart } from './partial.ts';
import { denies } from './store-fill.ts';

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

/** RFC 9111 §4.3.3, §4.3.4: a 304 freshens what it validates; undefined: it is for something else, no answer to us. */
export function validatedEntry(
  { ledger }: Context,
  { request, key }: FlightPlan,
  answer: {
    readonly stored: StoredResponse;
    readonly head: ResponseHead;
    readonly timing: Timing;
    readonly stamp: Stamp;
    readonly tags: Tags;
  },
): Freshened | undefined {
  const { stored, head, timing, stamp, tags } = answer;
  const { profile } = request.route.policy;
  const outdated = !ledger.isCurrent(stored);
  const fields = decodeHead(stored.bytes, stored.headBytes);
  if (validationAnswers(fields, head.fields, { sole: true, outdated, profile }) === 'mismatch') return undefined;
  return freshen(stored, { update: head, request, key, timing, stamp, tags });
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
  if (replaces === undefined || isMomentary(answer.head.status) || !denies(answer.refusal)) return undefined;
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
  context: Context,
  { request, key }: FlightPlan,
  { refusal, head }: { readonly refusal: Refusal; readonly head: ResponseHead | undefined },
): void {
  // The answer to a write says nothing about the next GET.
  if (request.method !== 'GET') return;
  context.tally.refused(key, { refusal, untracked: head && untrackedOf(head.fields) });
  if (!isPassing(refusal)) context.hitForMiss.add(key, context.clock.monotonic());
}
