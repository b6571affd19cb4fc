// Cloudflare's Workers Cache as a tier of immutable entries: an origin that asks the cached entrypoint of the same Worker
// before it asks the real origin.
//
// Purges there are rare and late, and an answer that is being made is stored after them. So nothing is invalidated in that
// cache: an invalidation makes that another name is asked for. A name holds a position of the log, and what is stored under
// it was read there or later. First the name holds the last position that invalidated the key itself. Only the answer tells
// its tags. Where one of them was invalidated at a later position, after the answer was read, the name with that position is
// asked for. All readers come to the same positions, so they share entries, and the platform joins their fills.
//
// The cache may lag, lose, repeat and mistake answers: whatever is not exactly what was asked for is read at the real origin.

import type { Forward, Origin, OriginRequest } from '../ports.ts';
import { requestDemands } from '../semantics/cache-control.ts';
import { hasField } from '../semantics/fields.ts';
import { isForOrigin } from '../semantics/reuse.ts';
import {
  type CacheCall,
  type CachedRequest,
  CacheForward,
  type CacheTier,
  type ForwardParts,
  type PastReason,
} from './cache-forward.ts';
import { withoutOwnFields } from './cached-answer.ts';

export interface WorkersCacheStats {
  /** Requests to the cached entrypoint; most never reach it. */
  readonly asks: number;
  /** Answers that were taken from it. */
  readonly answers: number;
  readonly past: Readonly<Record<PastReason, number>>;
}

/** Names of damaged entries that are remembered. */
const MAX_DAMAGED = 1_000;

/** The tier of one shard in one isolate. */
export class WorkersCache implements CacheTier {
  readonly shard: string;
  readonly invalidations: CacheTier['invalidations'];
  readonly #damaged = new Set<string>();
  #asks = 0;
  #answers = 0;
  readonly #past: Record<PastReason, number> = {
    ...{ request: 0, 'long-name': 0, damaged: 0, failed: 0 },
    ...{ 'other-answer': 0, 'other-epoch': 0, stale: 0, outdated: 0 },
  };

  constructor(shard: string, invalidations: CacheTier['invalidations']) {
    this.shard = shard;
    this.invalidations = invalidations;
  }

  stats(): WorkersCacheStats {
    return { asks: this.#asks, answers: this.#answers, past: { ...this.#past } };
  }

  /** The origin of one request: this tier, then the real one. */
  origin(call: CacheCall): Origin {
    return {
      forward: (given, listener) => {
        const request = { ...given, fields: withoutOwnFields(given.fields) };
        if (isForTier(call.asked, request)) return new CacheForward({ tier: this, call, request, listener });
        return this.past('request', { call, request, listener });
      },
    };
  }

  /** The real origin is asked. */
  past(reason: PastReason, { call, request, listener }: Omit<ForwardParts, 'tier'>): Forward {
    this.#past[reason]++;
    return call.origin.forward(request, {
      interim: (head) => listener.interim(head),
      head: ({ status, fields }, ...how) => listener.head({ status, fields: withoutOwnFields(fields) }, ...how),
      data: (chunk) => listener.data(chunk),
      end: (trailers) => listener.end(trailers),
      failed: (error) => listener.failed(error),
    });
  }

  asks(): void {
    this.#asks++;
  }

  answers(): void {
    this.#answers++;
  }

  isDamaged(name: string): boolean {
    return this.#damaged.has(name);
  }

  /** The entry cannot be changed or removed there, so this isolate does not ask for it again. */
  isFoundDamaged(name: string): void {
    const [oldest] = this.#damaged.add(name);
    if (this.#damaged.size > MAX_DAMAGED && oldest !== undefined) this.#damaged.delete(oldest);
  }
}

/**
 * Whether stored answers serve the request. One that is about to be passed on has a reason that can be seen in its fields:
 * preconditions for the origin, credentials, a wish for an answer fresh from the origin. Who wants a part would get the
 * whole from here, and of a large body nothing else, ever.
 */
function isForTier({ bypass }: CachedRequest, { method, fields }: OriginRequest): boolean {
  if (bypass !== false || method !== 'GET' || isForOrigin(fields)) return false;
  if (FOR_ORIGIN.some((name) => hasField(fields, name))) return false;
  const { noStore, noCache, maxAgeMs } = requestDemands(fields);
  return !noStore && !noCache && maxAgeMs === undefined;
}

const FOR_ORIGIN = ['authorization', 'range', 'upgrade'];
