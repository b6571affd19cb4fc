// Counters of the engine beside its statistics, and why the last answers could not be stored. Plain numbers, incremented where things happen, read
// when someone asks.
//
// For keys known to be uncacheable nobody waits: a queue for an answer that no one may share would serialise the clients
// (Varnish calls this hit-for-miss).

import { RecentMap } from '../memory/recent-map.ts';
import type { Answer, Clock } from '../ports.ts';
import { FORWARD_REASONS, OUTCOME_DETAILS } from '../semantics/outcome.ts';
import type { ExceptionScope, ExchangeReport, GateRequest } from './contract.ts';
import { PASSING, type Refusal } from './http/draft.ts';
import { classOf, zeros } from './outcome-class.ts';
import type { Recorder } from './statistics/statistics.ts';

/** Why an answer was not stored. */
export interface Refused {
  readonly refusal: Refusal;
  /** The tracker's reason, from its origin. */
  readonly untracked: string | undefined;
}

const MIN_REFUSED_KEYS = 10_000;
/** How long a key counts as uncacheable after an answer that could not be stored. */
const UNCACHEABLE_MS = 120_000;

export interface TallyParts {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly statistics: Pick<Recorder, 'answered'>;
  readonly report: (report: ExchangeReport) => void;
  /** Told what `report` throws. */
  readonly broken: (error: unknown) => void;
}

export class Tally {
  readonly forwards = zeros(FORWARD_REASONS);
  readonly details = zeros(OUTCOME_DETAILS);
  readonly refusedStores: Record<string, number> = {};
  stores = 0;
  readonly exceptions: Record<ExceptionScope, number> = { exchange: 0, unknown: 0 };
  purges = 0;
  fillsInFlight = 0;
  readonly #parts: TallyParts;
  /**
   * Made by the first refusal: most sites have none, and ask at every miss. `untilMs`: monotonic time until which the key counts
   * as uncacheable; undefined: the refusal says nothing about the next answer.
   */
  #refusals: RecentMap<Refused & { readonly untilMs: number | undefined }> | undefined;

  constructor(parts: TallyParts) {
    this.#parts = parts;
  }

  /** An answer begins. `error`: why that of the origin did not come. */
  answered(request: GateRequest, answer: Answer, asked?: Pick<ExchangeReport, 'forwardMs' | 'error'>): void {
    const { outcome } = answer;
    this.#parts.statistics.answered(request.route, classOf(outcome));
    if (outcome.forward !== undefined) this.forwards[outcome.forward]++;
    if (outcome.detail !== undefined) this.details[outcome.detail]++;
    const status = answer.kind === 'stored' ? answer.entry.status : answer.head.status;
    try {
      this.#parts.report({ request, outcome, status, forwardMs: asked?.forwardMs, error: asked?.error });
    } catch (error) {
      this.#parts.broken(error);
    }
  }

  stored(key: string): void {
    this.stores++;
    this.#refusals?.delete(key);
  }

  refused(key: string, refused: Refused): void {
    const { refusal } = refused;
    this.refusedStores[refusal] = (this.refusedStores[refusal] ?? 0) + 1;
    this.#refusals ??= new RecentMap(MIN_REFUSED_KEYS);
    const untilMs = PASSING.has(refusal)
      ? this.#refusals.get(key)?.untilMs
      : this.#parts.clock.monotonic() + UNCACHEABLE_MS;
    this.#refusals.set(key, { ...refused, untilMs });
  }

  /** True: nobody is to wait for another's fill of this plain key. */
  isHitForMiss(key: string): boolean {
    const { untilMs } = this.#refusals?.get(key) ?? {};
    return untilMs !== undefined && this.#parts.clock.monotonic() < untilMs;
  }

  /** Why the last answer for this plain key was not stored, as far as remembered. */
  lastRefusal(key: string): Refused | undefined {
    return this.#refusals?.get(key);
  }
}
