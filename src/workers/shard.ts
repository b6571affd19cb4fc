// One shard in one isolate: the isolate's membership in the shard's log, and the engine that goes by it.
//
// Nothing is looked up before the isolate holds a lease. That is asked once, when a request arrives: an invalidation is
// acknowledged only when every lease granted before it has run out, so a request that arrives under a lease began before
// that acknowledgement, or the isolate knows of the change. A promise of one request is never awaited by another.

import type { LeasedLog } from '../log/lease/member.ts';
import { HandlerGate, type HandlerGateParts } from '../web/handler-gate.ts';

export interface ShardParts extends Omit<HandlerGateParts, 'options'> {
  readonly name: string;
  /** A new member of the shard's log, which has not heard of it yet. */
  readonly join: () => LeasedLog;
  readonly options: (log: LeasedLog) => ReturnType<HandlerGateParts['options']>;
}

/** A shard that may be asked now. */
export interface ReadyShard {
  readonly name: string;
  readonly log: LeasedLog;
  readonly served: HandlerGate;
}

export class Shard {
  readonly #parts: ShardParts;
  #member: ReadyShard | undefined;
  /** When a renewal last began for a position that this log does not know. */
  #renewedAtMs = Number.NEGATIVE_INFINITY;

  constructor(parts: ShardParts) {
    this.#parts = parts;
  }

  /**
   * The shard once it may answer a request that arrived just now. Rejects with E_LOG when no lease can be had: then the request
   * goes past the cache. `wanted`: positions that the client has seen.
   */
  async ready(waitUntil: (work: Promise<unknown>) => void, wanted: readonly string[]): Promise<ReadyShard> {
    const member = this.#current();
    const { log, served } = member;
    const reached = wanted.map((position) => log.hasReached(position));
    const isLeased = log.isLeased() && !reached.includes(false);
    if (isLeased && (!reached.includes(undefined) || this.#isSpared())) {
      if (log.renewalDue()) waitUntil(log.renew().catch((error: unknown) => served.fault(error)));
      return member;
    }
    try {
      await log.renew();
      return member;
    } catch (error) {
      if (isLeased && log.isLeased()) return member;
      if (log.ended === undefined) throw error;
    }
    // The log began anew: another member, and an engine that knows nothing of what was stored before.
    const next = this.#current();
    await next.log.renew();
    return next;
  }

  /**
   * True: no renewal is made for a position that this log does not know. It may be of one that began after it, but most are made
   * up, and the log answers a bounded number of renewals. So there is one in a while, and the other positions change nothing.
   */
  #isSpared(): boolean {
    const nowMs = this.#parts.platform.clock.monotonic();
    if (nowMs - this.#renewedAtMs < SPARED_MS) return true;
    this.#renewedAtMs = nowMs;
    return false;
  }

  #current(): ReadyShard {
    if (this.#member !== undefined && this.#member.log.ended === undefined) return this.#member;
    const log = this.#parts.join();
    const served = new HandlerGate({ ...this.#parts, options: () => this.#parts.options(log) });
    this.#member = { name: this.#parts.name, log, served };
    return this.#member;
  }
}

/** From one such renewal to the next. */
const SPARED_MS = 100;
