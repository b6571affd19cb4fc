// Bounds of the writes that are under way, each of which keeps its URL out of the cache: in number, in memory, and for each client.
// A write of unknown outcome counts until its URL can be stored again, so each origin has bounds of its own: one that fails does
// not use up those of the others.
//
// After a write of unknown outcome its URL stays unstorable for a while, and must. A client that causes such outcomes itself, by
// breaking off what it sends, could renew that for ever: beyond a bound its further writes to that route are refused, but for those
// whose content is there as a whole.

import type { GateRequest, Route, WriteBounds } from '../engine/contract.ts';
import { clientGroup } from '../entry/clients.ts';
import { TidegateError } from '../errors.ts';
import type { MemoryBudget } from '../memory/budget.ts';
import { RecentMap } from '../memory/recent-map.ts';
import type { Clock } from '../ports.ts';
import { countIn } from './count-in.ts';

export interface WriteLimits {
  /** Writes under way to an origin, of all clients together and of each. */
  readonly max: number;
  readonly perClient: number;
  /** Writes to a route that one client may break off within `brokenOffWindowMs`; 0: no bound. */
  readonly brokenOff: number;
  readonly brokenOffWindowMs: number;
}

interface WriteRoomParts {
  readonly limits: WriteLimits;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly budget: Pick<MemoryBudget, 'reserve' | 'release'>;
}

/** What a write takes besides the two copies of its URI: in the ledger, in the log, for its timer. */
const WRITE_BYTES = 1_024;
/** So many pairs of client and route, at least, are known by what they broke off. */
const MIN_BREAKERS = 10_000;
/** When there may be room again. */
const SOON_MS = 5_000;

export class WriteRoom implements WriteBounds {
  readonly counts = { perClient: 0, brokenOff: 0, all: 0 };
  readonly #parts: WriteRoomParts;
  readonly #ofOrigins = new Map<string, { open: number; readonly ofClients: Map<unknown, number> }>();
  /** When each client broke off its last writes, by route. */
  readonly #brokenOff = new RecentMap<readonly number[]>(MIN_BREAKERS);
  readonly #routes = new WeakMap<Route, number>();
  #routesSeen = 0;

  constructor(parts: WriteRoomParts) {
    this.#parts = parts;
  }

  open(request: GateRequest): TidegateError | (() => void) {
    const { max, perClient } = this.#parts.limits;
    const client = groupOf(request);
    const canBreakOff = request.body !== undefined && request.body.isWhole !== true;
    const waitMs = canBreakOff ? this.#waitMs(request) : 0;
    if (waitMs > 0) return this.#refuse('brokenOff', waitMs);
    const under = this.#ofOrigins.get(request.route.originName) ?? { open: 0, ofClients: new Map<unknown, number>() };
    const ofClient = under.ofClients.get(client) ?? 0;
    if (ofClient >= perClient && client !== undefined) return this.#refuse('perClient', SOON_MS);
    const bytes = WRITE_BYTES + 4 * request.uri.length;
    if (under.open >= max || !this.#parts.budget.reserve('intents', bytes)) return this.#refuse('all', SOON_MS);
    this.#ofOrigins.set(request.route.originName, under);
    const count = (by: 1 | -1) => {
      under.open += by;
      countIn(under.ofClients, client, by);
    };
    count(1);
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      count(-1);
      this.#parts.budget.release('intents', bytes);
    };
  }

  brokenOff(request: GateRequest): void {
    const { brokenOff: most } = this.#parts.limits;
    const key = this.#keyOf(request);
    if (key === undefined || most === 0) return;
    const earlier = this.#brokenOff.get(key) ?? [];
    this.#brokenOff.set(key, [...earlier, this.#parts.clock.monotonic()].slice(-most));
  }

  /** How long the client's writes to the route are refused; 0: they are not. */
  #waitMs(request: GateRequest): number {
    const { brokenOff: most, brokenOffWindowMs } = this.#parts.limits;
    const key = this.#keyOf(request);
    const times = key === undefined ? undefined : this.#brokenOff.get(key);
    const [first = 0, { length }] = [times?.[0], times ?? []];
    return most === 0 || length < most ? 0 : first + brokenOffWindowMs - this.#parts.clock.monotonic();
  }

  /** Undefined: nobody knows who the client is, and a bound for all of them would be one that any of them can spend. */
  #keyOf({ client, route }: GateRequest): string | undefined {
    if (client === undefined) return undefined;
    const number = this.#routes.get(route) ?? ++this.#routesSeen;
    this.#routes.set(route, number);
    return `${number} ${clientGroup(client)}`;
  }

  #refuse(why: keyof WriteRoom['counts'], retryAfterMs: number): TidegateError {
    this.counts[why]++;
    const { max, perClient, brokenOff } = this.#parts.limits;
    if (why === 'all') {
      const message = `expected room for one more write, got ${max} under way, or no memory`;
      return new TidegateError('E_OVERLOAD', message, { retryAfterMs });
    }
    const got = why === 'perClient' ? `${perClient} under way` : `${brokenOff} that it broke off`;
    return new TidegateError('E_WRITES', `expected fewer writes of the client, got ${got}`, { retryAfterMs });
  }
}

/** Where nobody knows whose a connection is, each counts by itself. */
function groupOf({ client, connection }: GateRequest): unknown {
  return client === undefined ? connection : clientGroup(client);
}
