// Counters of the engine. Plain numbers, incremented where things happen, read when someone asks.

import type { ForwardReason, Outcome, OutcomeDetail } from '../semantics/outcome.ts';
import type { ExceptionScope, OutcomeClass } from './contract.ts';
import type { Refusal } from './http/draft.ts';
import { RecentMap } from './recent-map.ts';

/** The one class an outcome is counted under. */
export function classOf(outcome: Outcome): OutcomeClass {
  switch (outcome.detail) {
    case 'refused':
    case 'only-if-cached':
      return 'refused';
    case 'origin-error':
      return 'error';
    case 'stale-while-revalidate':
    case 'stale-if-error':
    case 'grace':
      return 'stale';
    case 'validated':
      return 'validated';
    default:
  }
  if (outcome.hit) return 'hit';
  if (outcome.collapsed === true) return 'collapsed';
  return outcome.forward === 'bypass' || outcome.forward === 'method' ? 'bypass' : 'miss';
}

/** Why an answer was not stored. */
export interface Refused {
  readonly refusal: Refusal;
  /** The tracker's reason, from its origin. */
  readonly untracked: string | undefined;
}

const MIN_REFUSED_KEYS = 10_000;

export class Tally {
  readonly requests: Record<OutcomeClass, number> = {
    hit: 0,
    stale: 0,
    validated: 0,
    collapsed: 0,
    miss: 0,
    bypass: 0,
    error: 0,
    refused: 0,
  };
  readonly forwards: Record<ForwardReason, number> = {
    bypass: 0,
    method: 0,
    'uri-miss': 0,
    'vary-miss': 0,
    miss: 0,
    request: 0,
    stale: 0,
    partial: 0,
  };
  readonly details: Record<OutcomeDetail, number> = {
    outdated: 0,
    validated: 0,
    'stale-while-revalidate': 0,
    'stale-if-error': 0,
    grace: 0,
    'hit-for-miss': 0,
    credentials: 0,
    'invalidated-during-fill': 0,
    'intent-open': 0,
    'source-not-live': 0,
    'only-if-cached': 0,
    'origin-error': 0,
    refused: 0,
  };
  readonly refusedStores: Record<string, number> = {};
  stores = 0;
  readonly exceptions: Record<ExceptionScope, number> = { exchange: 0, unknown: 0 };
  purges = 0;
  fillsInFlight = 0;
  readonly #lastRefusal = new RecentMap<Refused>(MIN_REFUSED_KEYS);

  outcome(outcome: Outcome): void {
    this.requests[classOf(outcome)]++;
    if (outcome.forward !== undefined) this.forwards[outcome.forward]++;
    if (outcome.detail !== undefined) this.details[outcome.detail]++;
  }

  stored(key: string): void {
    this.stores++;
    this.#lastRefusal.delete(key);
  }

  refused(key: string, refused: Refused): void {
    const { refusal } = refused;
    this.refusedStores[refusal] = (this.refusedStores[refusal] ?? 0) + 1;
    this.#lastRefusal.set(key, refused);
  }

  /** Why the last answer for this plain key was not stored, as far as remembered. */
  lastRefusal(key: string): Refused | undefined {
    return this.#lastRefusal.get(key);
  }
}
