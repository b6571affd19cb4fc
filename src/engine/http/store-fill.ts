// The last step of a fill: what it made is stored, or not, for reasons that only now are known.
//
// An error of the moment gives way to a good answer that came in between.

import type { StoredResponse } from '../../entry/stored-response.ts';
import type { Fill } from '../../ledger/fills.ts';
import { currentAgeMs } from '../../semantics/freshness.ts';
import type { Context } from '../context.ts';
import type { Route } from '../contract.ts';
import { isMomentary, type Refusal } from './draft.ts';

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
  const before = storedBefore(context, filled);
  const refusal = refusalAtTheEnd(context, filled) ?? context.tiers.store(fill, filled);
  if (refusal !== undefined) return refusal;
  if (route.compress !== undefined) context.coder?.replaced(before, entry, route);
  context.tally.stored(key);
  context.hitForMiss.delete(key);
  return undefined;
}

/** On a route that codes: what the entry replaces, as far as the fastest tier has it. */
function storedBefore({ tiers, coder, fault }: Context, { entry, route }: Filled): StoredResponse | undefined {
  if (route.compress === undefined || coder === undefined) return undefined;
  const found = tiers.get(entry.key);
  if (found instanceof Promise) found.catch(fault);
  else if (found?.kind === 'response') return found;
  return undefined;
}

function refusalAtTheEnd(context: Context, { entry, route }: Filled): Refusal | undefined {
  if (route.retired()) return 'route-retired';
  if (!isMomentary(entry.status)) return undefined;
  const stored = context.tiers.get(entry.key);
  if (stored === undefined || stored instanceof Promise || stored.kind !== 'response') return undefined;
  return stored.status < 400 && isUsable(context, stored) ? 'keep-good' : undefined;
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
