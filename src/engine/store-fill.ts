// The last step of a fill: what it made is stored, or not, for reasons that only now are known.
//
// The one complication: fills of one key overtake each other. The one that was sent first may land last, with what the
// origin said longer ago; so who was sent later is remembered, and an error of the moment gives way to a good answer that
// came in between.

import type { StoredResponse } from '../entry/stored-response.ts';
import { currentAgeMs } from '../semantics/freshness.ts';
import type { Context } from './context.ts';
import type { Route } from './contract.ts';
import { isMomentary, type Refusal } from './draft.ts';
import type { Stamp } from './invalidator.ts';

export interface Fill {
  readonly entry: StoredResponse;
  /** Plain cache key. */
  readonly key: string;
  /** Selecting header fields of the response. */
  readonly names: readonly string[];
  readonly stamp: Stamp;
  /** The place of its sending among all. */
  readonly sequence: number;
  readonly route: Route;
}

/** Stores the entry; returns why it was not. */
export function storeFill(context: Context, fill: Fill): Refusal | undefined {
  const { entry, key, names, stamp, sequence } = fill;
  const before = storedBefore(context, fill);
  const refusal = refusalAtTheEnd(context, fill) ?? context.tiers.store(stamp, { entry, key, names });
  if (refusal !== undefined) return refusal;
  if (fill.route.compress !== undefined) context.coder?.replaced(before, entry, fill.route);
  context.newest.set(entry.key, sequence);
  context.tally.stored(key);
  context.hitForMiss.delete(key);
  return undefined;
}

/** On a route that codes: what the entry replaces, as far as the fastest tier has it. */
function storedBefore({ tiers, coder, fault }: Context, { entry, route }: Fill): StoredResponse | undefined {
  if (route.compress === undefined || coder === undefined) return undefined;
  const found = tiers.get(entry.key);
  if (found instanceof Promise) found.catch(fault);
  else if (found?.kind === 'response') return found;
  return undefined;
}

function refusalAtTheEnd(context: Context, { entry, sequence, route }: Fill): Refusal | undefined {
  if (route.retired()) return 'route-retired';
  if ((context.newest.get(entry.key) ?? 0) > sequence) return 'overtaken';
  if (!isMomentary(entry.status)) return undefined;
  const stored = context.tiers.get(entry.key);
  if (stored === undefined || stored instanceof Promise || stored.kind !== 'response') return undefined;
  return stored.status < 400 && isUsable(context, stored) ? 'keep-good' : undefined;
}

/** Fresh, or of use when the origin fails. */
function isUsable(context: Context, entry: StoredResponse): boolean {
  const { lifetimeMs, staleIfErrorMs, graceMs } = entry.terms;
  const overMs = currentAgeMs(entry.bornMs, context.clock.now()) - lifetimeMs;
  return context.invalidator.isCurrent(entry) && overMs < Math.max(staleIfErrorMs, graceMs);
}

/**
 * Refusals that lie in a response for everyone: the origin says something else now, and not for storing. What is stored
 * for the URI is not what a client would get any more.
 */
export function denies(refusal: Refusal): boolean {
  return DENIALS.has(refusal);
}

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
