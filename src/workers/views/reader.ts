// Views as a Worker's requests read them: a copy of the isolate's memory or of KV, where this isolate itself knows that nothing has
// outdated it; else from their Durable Object. Each request asks for itself; no promise of another is awaited.

import { checkCount } from '../../cache/views/counters.ts';
import type { Kept, Slot, ViewAnswer } from '../../cache/views/slot.ts';
import { ViewSlots } from '../../cache/views/slots.ts';
import type { ViewStats } from '../../cache/views/stats.ts';
import type { View, ViewPlan } from '../../cache/views/view.ts';
import type { Views } from '../../cache/views/views.ts';
import { ownValue, readOwned } from '../../entry/owned-value.ts';
import { messageOf, TidegateError } from '../../errors.ts';
import type { Stamp } from '../../ledger/ledger.ts';
import type { Clock } from '../../ports.ts';
import type { KvValues } from './kv-values.ts';
import type { Membership } from './membership.ts';
import type { ViewReply } from './object.ts';

/** What the object offers by RPC. */
export interface ViewsStub {
  get(view: string, params: unknown): Promise<ViewReply>;
  signal(name: string): Promise<number>;
  count(counter: string, by: number): Promise<void>;
  stats(): Promise<ViewStats[]>;
}

interface ViewCopiesParts {
  readonly views: readonly ViewPlan[];
  readonly clock: Clock;
  readonly membership: Membership;
  readonly kv: Pick<KvValues, 'read'> | undefined;
}

interface Copy extends Kept<Stamp>, Pick<ViewAnswer, 'error'> {
  /** When KV or the object was asked for it. */
  readonly askedMs: number;
}

const MAX_COPIES = 500;
const MAX_BYTES = 16_000_000;
/** So long a copy is given without a look for a newer one; KV shows that later than the object. */
const LOOK_MS = 1_000;
const LOOK_IN_KV_MS = 10_000;
/** Until KV shows a value everywhere. */
const KV_LAG_MS = 60_000;

/** What an isolate may give again. Shared by its requests: plain data. */
export class ViewCopies {
  readonly #parts: ViewCopiesParts;
  readonly #slots: ViewSlots<Stamp>;
  readonly #copies = new Map<string, Copy>();
  #bytes = 0;

  constructor(parts: ViewCopiesParts) {
    this.#parts = parts;
    this.#slots = new ViewSlots(parts.views, { check: () => undefined, forgotten: () => undefined });
  }

  /** A copy is given only where all that was acknowledged before the call is in force here: under a lease, or after a renewal. */
  async get(stub: () => ViewsStub, name: string, params: unknown): Promise<ViewAnswer> {
    const { membership, kv } = this.#parts;
    const slot = this.#slots.find(name, params);
    // The log is asked at the same time as KV, or as the object, which knows by itself what is outdated.
    const heard = membership.isHeard(slot.view) || membership.tryRenew();
    if (kv !== undefined && this.#fresh(slot) === undefined) await Promise.all([heard, this.#lookInKv(slot, kv)]);
    const copy = this.#fresh(slot) && (await heard) ? this.#fresh(slot) : undefined;
    return copy === undefined ? this.#inObject(slot, () => stub().get(name, params)) : this.#answer(copy);
  }

  /** Undefined: there is none, it is outdated, or it is time to look for a newer one. */
  #fresh(slot: Slot<Stamp>): Copy | undefined {
    const { clock, kv, membership } = this.#parts;
    const copy = this.#copies.get(slot.key);
    if (copy === undefined || this.#ageMs(copy) >= slot.view.maxAgeMs) return undefined;
    const judgement = membership.judge(slot, copy.stamp);
    if (judgement === 'outdated') return undefined;
    if (clock.monotonic() - copy.askedMs < (kv === undefined ? LOOK_MS : LOOK_IN_KV_MS)) return copy;
    return judgement === 'current' && this.#ageMs(copy) < soonestMs(slot.view) ? copy : undefined;
  }

  async #lookInKv({ key, view }: Slot<Stamp>, kv: Pick<KvValues, 'read'>): Promise<void> {
    const askedMs = this.#parts.clock.monotonic();
    const found = await kv.read(key);
    // An older one is of a view that fails, or that KV does not take: the object is asked.
    const latestMs = view.pace.everyMs + view.timeoutMs + KV_LAG_MS;
    if (found !== undefined && this.#ageMs(found) < latestMs) this.#keep(key, { ...found, error: undefined, askedMs });
  }

  async #inObject(slot: Slot<Stamp>, call: () => Promise<ViewReply>): Promise<ViewAnswer> {
    const { clock, membership } = this.#parts;
    const askedMs = clock.monotonic();
    const reply = await asked(call);
    if ('failure' in reply) throw new TidegateError(reply.failure.code, reply.failure.message);
    const { answer, kept } = reply;
    if (kept === undefined) return answer;
    this.#keep(slot.key, { ...kept, owned: ownValue(answer.value), error: answer.error, askedMs });
    // Another request may have had a later one meanwhile.
    const copy = membership.isHeard(slot.view) ? this.#fresh(slot) : undefined;
    return copy === undefined ? answer : this.#answer(copy);
  }

  #answer({ owned, error, ...copy }: Copy): ViewAnswer {
    return { value: readOwned(owned), ageMs: this.#ageMs(copy), outdated: false, error };
  }

  /** By the clocks of two machines: it says how old a value is, never whether it is outdated. */
  #ageMs({ computedMs }: Pick<Copy, 'computedMs'>): number {
    return Math.max(0, this.#parts.clock.now() - computedMs);
  }

  /** One that was computed later stays instead. */
  #keep(key: string, copy: Copy): void {
    const before = this.#copies.get(key);
    this.#remove(key);
    const kept = before !== undefined && before.order > copy.order ? { ...before, askedMs: copy.askedMs } : copy;
    this.#bytes += kept.owned.bytes;
    this.#copies.set(key, kept);
    for (const oldest of this.#copies.keys()) {
      if (this.#bytes <= MAX_BYTES && this.#copies.size <= MAX_COPIES) return;
      this.#remove(oldest);
    }
  }

  #remove(key: string): void {
    this.#bytes -= this.#copies.get(key)?.owned.bytes ?? 0;
    this.#copies.delete(key);
  }
}

/** At what age of a value there may be a newer one, where nothing outdates it. */
function soonestMs({ events, pace: { everyMs, jitter } }: ViewPlan): number {
  return events.length > 0 ? 0 : everyMs * (1 - jitter);
}

/** As `Views` of `tidegate`, with promises. */
export type ViewsReader = Pick<Views, 'get'> & {
  signal(name: string): Promise<void>;
  count(counter: string, by?: number): Promise<void>;
  stats(): Promise<readonly ViewStats[]>;
};

export function viewsReader(stub: () => ViewsStub, copies: ViewCopies): ViewsReader {
  const get = (view: string | View, params: unknown = {}) =>
    copies.get(stub, typeof view === 'string' ? view : view.name, params);
  return {
    get: get as ViewsReader['get'],
    signal: async (name) => {
      if ((await asked(() => stub().signal(name))) > 0) return;
      throw new TidegateError('E_VIEW', `expected a signal that a view names in \`when\`, got ${JSON.stringify(name)}`);
    },
    count: async (counter, by = 1) => {
      checkCount(counter, by);
      await asked(() => stub().count(counter, by));
    },
    stats: () => asked(() => stub().stats()),
  };
}

async function asked<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof TidegateError) throw error;
    throw new TidegateError('E_VIEW', `expected an answer of the views' object, got: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
