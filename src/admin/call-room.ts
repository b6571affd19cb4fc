// How many calls of the admin API are taken in a second. Calls, reports of trackers and wrong tokens have buckets of their own: a
// dashboard must not keep a tracker from renewing its lease, and whoever guesses tokens must not keep the operator out.

import { clientGroup, unmapped } from '../entry/clients.ts';
import type { Clock } from '../ports.ts';
import { type AdminResponse, failure } from './contract.ts';

/** So many in a second on the average, and so many at once. */
interface CallRate {
  readonly perSecond: number;
  readonly burst: number;
}

export interface CallLimits {
  readonly calls: CallRate;
  /** Calls of one address with a wrong token or none. */
  readonly wrongTokens: CallRate;
}

/** Why a call was refused before anything was done. */
const ADMIN_REFUSALS = [
  ...(['calls', 'reports', 'wrong-tokens', 'unauthorized', 'other-site'] as const),
  ...(['too-large', 'too-slow', 'connections', 'not-read'] as const),
] as const;
export type AdminRefusalReason = (typeof ADMIN_REFUSALS)[number];

export type AdminCounts = Record<AdminRefusalReason, number>;

export function adminCounts(): AdminCounts {
  return Object.fromEntries(ADMIN_REFUSALS.map((reason) => [reason, 0])) as AdminCounts;
}

/** Addresses whose wrong tokens are remembered; the one that was wrong longest ago makes room. */
const MAX_ADDRESSES = 1_024;

export class CallRoom {
  readonly #limits: CallLimits;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #counts: AdminCounts;
  readonly #calls: Bucket;
  readonly #reports: Bucket;
  readonly #wrong = new Map<string, Bucket>();
  /** Of tenants and of webhooks. */
  readonly #others = new Map<string, Bucket>();

  constructor(limits: CallLimits, clock: Pick<Clock, 'monotonic'>, counts: AdminCounts) {
    this.#limits = limits;
    this.#clock = clock;
    this.#counts = counts;
    this.#calls = new Bucket(limits.calls);
    this.#reports = new Bucket(limits.calls);
  }

  /** Takes a call that was let through; the refusal when there are too many. */
  take(call: TakenCall): AdminResponse | undefined {
    const isReport = call.method === 'POST' && call.path === '/sources';
    const bucket = this.#otherBucket(call) ?? (isReport ? this.#reports : this.#calls);
    const waitMs = bucket.take(this.#clock.monotonic());
    if (waitMs === 0) return undefined;
    const { perSecond, burst } = bucket.rate;
    return this.#refused(isReport ? 'reports' : 'calls', `${perSecond} calls a second, ${burst} at once`, waitMs);
  }

  /**
   * The refusal for an address that has given too many wrong tokens: its next is not looked at, or guessing would go on. A token
   * counts as wrong until `rightToken` is called, since many are looked at at once.
   */
  shut(address: string): AdminResponse | undefined {
    const group = clientGroup(unmapped(address));
    const bucket = this.#wrong.get(group) ?? new Bucket(this.#limits.wrongTokens);
    this.#wrong.delete(group);
    this.#wrong.set(group, bucket);
    const [oldest] = this.#wrong.keys();
    if (this.#wrong.size > MAX_ADDRESSES && oldest !== undefined) this.#wrong.delete(oldest);
    const waitMs = bucket.take(this.#clock.monotonic());
    return waitMs === 0 ? undefined : this.#refused('wrong-tokens', 'fewer wrong tokens', waitMs);
  }

  rightToken(address: string): void {
    this.#wrong.get(clientGroup(unmapped(address)))?.giveBack();
  }

  /** Tenants and webhooks do not keep each other out, nor the operator. */
  #otherBucket({ tenant, hook }: TakenCall): Bucket | undefined {
    if (tenant === undefined && hook === undefined) return undefined;
    const { calls } = this.#limits;
    const name = tenant === undefined ? `hook ${hook}` : `tenant ${tenant}`;
    const bucket = this.#others.get(name) ?? new Bucket(tenant === undefined ? calls : tenantRate(calls));
    // Names of webhooks that there are not come from whoever has a token.
    if (this.#others.size >= MAX_ADDRESSES) this.#others.clear();
    this.#others.set(name, bucket);
    return bucket;
  }

  #refused(reason: AdminRefusalReason, expected: string, waitMs: number): AdminResponse {
    this.#counts[reason]++;
    const refusal = failure(429, `expected ${expected}, got more`);
    return { ...refusal, fields: ['retry-after', String(Math.ceil(waitMs / 1_000))] };
  }
}

interface TakenCall {
  readonly method: string;
  readonly path: string;
  /** Whose token it came with, if any. */
  readonly tenant?: string | undefined;
  /** The webhook that is called, if any. */
  readonly hook?: string | undefined;
}

/** A tenth of what all calls have, for one tenant. */
function tenantRate({ perSecond, burst }: CallRate): CallRate {
  return { perSecond: Math.max(1, perSecond / 10), burst: Math.max(1, burst / 10) };
}

class Bucket {
  readonly rate: CallRate;
  readonly #perMs: number;
  readonly #burst: number;
  #left: number;
  #atMs = Number.NEGATIVE_INFINITY;

  constructor(rate: CallRate) {
    const { perSecond, burst } = rate;
    this.rate = rate;
    this.#perMs = perSecond / 1_000;
    this.#burst = burst;
    this.#left = burst;
  }

  /** Takes one and gives 0, or gives the time until there is one. */
  take(nowMs: number): number {
    this.#left = Math.min(this.#burst, this.#left + (nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
    if (this.#left < 1) return (1 - this.#left) / this.#perMs;
    this.#left--;
    return 0;
  }

  giveBack(): void {
    this.#left = Math.min(this.#burst, this.#left + 1);
  }
}
