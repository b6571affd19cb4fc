// Work whose outcome several responses show: what it reads is recorded once, and counts for each of them. So it is with a
// batch of `tracker.loader`, which reads what several requests load at one time, and with `tracker.memo`, whose values are
// kept in the process and made anew once their reads were changed.
//
// A value of a memo is there before the response that shows it. So each time it is given, the changes since its reads are
// gone through again; where they are no longer known, it counts as changed. A request that has written may read changes that
// no feed has told yet, so its values are made anew.

import { shown, TidegateError } from '../../errors.ts';
import { checkOptions, count, func } from '../../options/kit.ts';
import type { RequestScope } from './scope.ts';

/** The scopes that share work: one tracker's. */
export interface Sharing {
  /** The scope of the response that is being made. */
  current(): RequestScope | undefined;
  /** A scope for work of several. */
  open(): RequestScope;
}

interface SharedWork<T> {
  /** Holds all reads once the outcome has settled. */
  scope: RequestScope;
  readonly outcome: Promise<T>;
}

/**
 * Scopes of work that a request waits for that may read what no feed has told yet: a memo within the work is made anew,
 * too.
 */
const anew = new WeakSet<RequestScope>();

/** Whether the scope may get no kept value. */
export function readsAnew(scope: RequestScope | undefined): boolean {
  return scope !== undefined && (scope.writes !== 'none' || anew.has(scope));
}

export function openShared(sharing: Sharing, isAnew: boolean): RequestScope {
  const scope = sharing.open();
  if (isAnew) anew.add(scope);
  return scope;
}

/** `name`: for messages. */
function shareWork<T>(scope: RequestScope, name: string, work: () => T | PromiseLike<T>): SharedWork<T> {
  return { scope, outcome: scope.run(async () => work()).finally(() => closeScope(scope, name)) };
}

/** Ends the scope's recording. Returns whether its reads may be stored. */
export async function closeScope(scope: RequestScope, name: string): Promise<boolean> {
  await scope.registered();
  const { isStorable } = scope.finish({ route: name });
  scope.end();
  return isStorable;
}

/** Runs work of a response that waits for shared work. */
export function whileWaiting<T>(scope: RequestScope | undefined, work: () => Promise<T>): Promise<T> {
  const end = scope?.begin();
  return work().finally(end);
}

export interface Loader<K, V> {
  /** Rejects with the batch's Error for the key, or with the error of the whole batch. */
  load(key: K): Promise<V>;
  /** Values in the order of the keys. Rejects where one does. */
  loadMany(keys: readonly K[]): Promise<V[]>;
}

export interface LoaderOptions {
  /** Keys of one batch. Default: any number. */
  readonly maxBatchSize?: number;
  /** Schedules a batch that has its first key. Default `setImmediate`: the batch takes all keys of the same turn. */
  readonly schedule?: (run: () => void) => void;
}

/** Values in the order of the keys, each of which occurs once; an Error stands for a value that there is not. */
export type LoadBatch<K, V> = (keys: readonly K[]) => PromiseLike<readonly (V | Error)[]> | readonly (V | Error)[];

interface Batch<K, V> {
  /** Of its keys, in their order. */
  readonly places: Map<K, number>;
  readonly begun: Promise<SharedWork<readonly (V | Error)[]>>;
  /** For one of those who wait for it. */
  isAnew: boolean;
}

/** Throws E_CONFIG. */
export function loaderOf<K, V>(sharing: Sharing, load: LoadBatch<K, V>, options: LoaderOptions = {}): Loader<K, V> {
  checkOptions('tracker.loader', options, { maxBatchSize: count, schedule: func });
  const { maxBatchSize = Infinity, schedule = setImmediate } = options;
  let open: Batch<K, V> | undefined;
  const name = `the loader ${load.name || 'without a name'}`;
  const begin = (): Batch<K, V> => {
    const places = new Map<K, number>();
    const begun = new Promise<SharedWork<readonly (V | Error)[]>>((resolve) =>
      schedule(() => {
        if (open === batch) open = undefined;
        const keys = [...places.keys()];
        const scope = openShared(sharing, batch.isAnew);
        resolve(shareWork(scope, name, async () => checkedValues(keys, await load(keys))));
      }),
    );
    const batch = { places, begun, isAnew: false };
    return batch;
  };
  const join = (key: K) => {
    if (open === undefined || (open.places.size >= maxBatchSize && !open.places.has(key))) open = begin();
    open.isAnew ||= readsAnew(sharing.current());
    const { places, begun } = open;
    const place = places.get(key) ?? places.size;
    places.set(key, place);
    return { place, begun };
  };
  const loadOne = (key: K): Promise<V> => {
    const scope = sharing.current();
    const { place, begun } = join(key);
    return whileWaiting(scope, async () => {
      const work = await begun;
      // It began after this one asked for it.
      const values = await work.outcome.finally(() => scope?.adopt(work.scope));
      const value = values[place];
      if (value instanceof Error) throw value;
      return value as V;
    });
  };
  return { load: loadOne, loadMany: (keys) => Promise.all(keys.map(loadOne)) };
}

function checkedValues<T>(keys: readonly unknown[], values: readonly T[]): readonly T[] {
  if (Array.isArray(values) && values.length === keys.length) return values;
  const got = Array.isArray(values) ? `${values.length}` : typeof values;
  throw new TypeError(`expected a list of ${keys.length} values of a batch, one for each key, got ${got}`);
}

export interface MemoOptions<A extends readonly unknown[]> {
  /** Tells arguments apart. Default: the arguments, which then are texts, numbers, booleans, null or undefined. */
  readonly key?: (...given: A) => string;
  /** Values kept; those that were not asked for longest are given up. Default 1,000. */
  readonly maxEntries?: number;
}

const MAX_ENTRIES = 1_000;
/** Values of others that turn out to be changed, before one is made that is for nobody else. */
const MAX_JOINED = 3;

/** Throws E_CONFIG. The returned function rejects with the error of `work`, and with E_KEY. */
export function memoOf<A extends readonly unknown[], T>(
  sharing: Sharing,
  work: (...given: A) => T | PromiseLike<T>,
  options: MemoOptions<A> = {},
): (...given: A) => Promise<T> {
  checkOptions('tracker.memo', options, { key: func, maxEntries: count });
  const { key: keyOf = keyOfValues, maxEntries = MAX_ENTRIES } = options;
  const memo = new Memo<T>({ sharing, name: `the memo ${work.name || 'without a name'}`, maxEntries });
  return async (...given) => memo.get(keyOf(...given), () => work(...given));
}

interface MemoParts {
  readonly sharing: Sharing;
  readonly name: string;
  readonly maxEntries: number;
}

class Memo<T> {
  readonly #parts: MemoParts;
  /** Their scopes read anew with each renewal, so that few changes are to be gone through the next time. */
  readonly #entries = new Map<string, SharedWork<T>>();

  constructor(parts: MemoParts) {
    this.#parts = parts;
  }

  get(key: string, make: () => T | PromiseLike<T>): Promise<T> {
    const scope = this.#parts.sharing.current();
    return whileWaiting(scope, async () => {
      const entry = await this.#entry(key, make, readsAnew(scope));
      scope?.adopt(entry.scope);
      return entry.outcome;
    });
  }

  async #entry(key: string, make: () => T | PromiseLike<T>, isAnew: boolean): Promise<SharedWork<T>> {
    const { sharing, name } = this.#parts;
    for (let tries = 0; ; tries++) {
      const known = !isAnew && tries < MAX_JOINED ? this.#entries.get(key) : undefined;
      const entry = known ?? shareWork(openShared(sharing, isAnew), name, make);
      if (known === undefined) this.#keep(key, entry);
      const isMade = await this.#isMade(key, entry);
      // Only the caller who started the work is told of its failure.
      if (known === undefined) return entry;
      const scope = isMade ? await renewed(sharing, entry.scope, name) : undefined;
      if (scope === undefined) this.#drop(key, entry);
      else {
        entry.scope = scope;
        if (this.#entries.get(key) === entry) this.#keep(key, entry);
        return entry;
      }
    }
  }

  async #isMade(key: string, entry: SharedWork<T>): Promise<boolean> {
    const isThere = await entry.outcome.then(
      () => true,
      () => false,
    );
    if (!isThere || !entry.scope.reads.isStorable) this.#drop(key, entry);
    return isThere;
  }

  #keep(key: string, entry: SharedWork<T>): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#parts.maxEntries) break;
      this.#entries.delete(oldest);
    }
  }

  #drop(key: string, entry: SharedWork<T>): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
  }
}

/** A new scope with these dependencies as of now; undefined when one was changed, or may have been. */
async function renewed(sharing: Sharing, before: RequestScope, name: string): Promise<RequestScope | undefined> {
  const scope = sharing.open();
  // Whether it may be without a read was said when it was made.
  scope.readsNothing();
  scope.renew(before);
  return (await closeScope(scope, name)) ? scope : undefined;
}

function keyOfValues(...given: readonly unknown[]): string {
  const parts = given.map((value) => {
    if ((typeof value === 'object' && value !== null) || typeof value === 'function' || typeof value === 'symbol') {
      const expected = 'expected arguments of a memo that are texts, numbers, booleans, null or undefined, or its key';
      throw new TidegateError('E_KEY', `${expected}, got ${shown(value)}`);
    }
    return [typeof value, String(value)];
  });
  return JSON.stringify(parts);
}
