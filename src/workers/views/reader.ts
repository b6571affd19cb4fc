// Views as a Worker's requests read them: from their Durable Object, or, for as long as the object has allowed, from the
// isolate's memory. Each request asks for itself; no promise of another is awaited.

import { checkCount } from '../../cache/views/counters.ts';
import type { ViewAnswer } from '../../cache/views/slot.ts';
import type { ViewStats } from '../../cache/views/stats.ts';
import type { View } from '../../cache/views/view.ts';
import type { Views } from '../../cache/views/views.ts';
import { type OwnedValue, ownValue, readOwned } from '../../entry/owned-value.ts';
import { messageOf, TidegateError } from '../../errors.ts';
import type { Clock } from '../../ports.ts';
import type { ViewReply } from './object.ts';

/** What the object offers by RPC. */
export interface ViewsStub {
  get(view: string, params: unknown): Promise<ViewReply>;
  signal(name: string): Promise<number>;
  count(counter: string, by: number): Promise<void>;
  stats(): Promise<ViewStats[]>;
}

interface Copy {
  readonly owned: OwnedValue;
  readonly rest: Omit<ViewAnswer, 'value'>;
  readonly askedMs: number;
  readonly untilMs: number;
}

const MAX_COPIES = 500;
const MAX_BYTES = 16_000_000;

/** The answers that an isolate may give again. Shared by its requests: plain data. */
export class ViewCopies {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #copies = new Map<string, Copy>();
  #bytes = 0;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /** To be called before the object is asked. */
  now(): number {
    return this.#clock.monotonic();
  }

  find(key: string): ViewAnswer | undefined {
    const copy = this.#copies.get(key);
    if (copy === undefined) return undefined;
    const now = this.now();
    if (now >= copy.untilMs) {
      this.#remove(key);
      return undefined;
    }
    return { ...copy.rest, value: readOwned(copy.owned), ageMs: copy.rest.ageMs + (now - copy.askedMs) };
  }

  /** Its time counts from before the object was asked. */
  keep(key: string, { answer, keepMs }: Extract<ViewReply, { keepMs: number }>, askedMs: number): void {
    this.#remove(key);
    if (keepMs <= 0) return;
    const { value, ...rest } = answer;
    const owned = ownValue(value);
    if (owned.bytes > MAX_BYTES) return;
    this.#bytes += owned.bytes;
    this.#copies.set(key, { owned, rest, askedMs, untilMs: askedMs + keepMs });
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

/** As `Views` of `tidegate`, with promises. */
export type ViewsReader = Pick<Views, 'get'> & {
  signal(name: string): Promise<void>;
  count(counter: string, by?: number): Promise<void>;
  stats(): Promise<readonly ViewStats[]>;
};

export function viewsReader(stub: () => ViewsStub, copies: ViewCopies): ViewsReader {
  const get = async (view: string | View, params: unknown = {}): Promise<ViewAnswer> => {
    const name = typeof view === 'string' ? view : view.name;
    const key = JSON.stringify([name, Object.entries(params as object).sort()]);
    const copy = copies.find(key);
    if (copy !== undefined) return copy;
    const askedMs = copies.now();
    const reply = await asked(() => stub().get(name, params));
    if ('failure' in reply) throw new TidegateError(reply.failure.code, reply.failure.message);
    copies.keep(key, reply, askedMs);
    return reply.answer;
  };
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
