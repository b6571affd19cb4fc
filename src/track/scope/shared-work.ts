// Work whose outcome several responses show: what it reads is recorded once, and counts for each of them. So it is with a
// batch of `tracker.loader`, which reads what several requests load at one time.

import { checkOptions, count, func } from '../../options/kit.ts';
import type { RequestScope } from './scope.ts';

/** The scopes that share work: one tracker's. */
export interface Sharing {
  /** The scope of the response that is being made. */
  current(): RequestScope | undefined;
  /** A scope for work of several. */
  open(): RequestScope;
}

export interface SharedWork<T> {
  /** Holds all reads once the outcome has settled. */
  readonly scope: RequestScope;
  readonly outcome: Promise<T>;
}

export interface SharedParts {
  /** For messages. */
  readonly name: string;
  /** A request waits for it that may read what no feed has told yet. */
  readonly isAnew: boolean;
}

/** Scopes of work that such a request waits for: a memo within the work is made anew, too. */
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

export function shareWork<T>(
  sharing: Sharing,
  { name, isAnew }: SharedParts,
  work: () => T | PromiseLike<T>,
): SharedWork<T> {
  const scope = openShared(sharing, isAnew);
  const settle = async () => {
    try {
      return await scope.run(async () => work());
    } finally {
      await closeScope(scope, name);
    }
  };
  return { scope, outcome: settle() };
}

/** Ends the scope's recording. Returns whether its reads may be stored. */
export async function closeScope(scope: RequestScope, name: string): Promise<boolean> {
  await scope.registered();
  const { isStorable } = scope.finish({ route: name });
  scope.end();
  return isStorable;
}

/** Runs work of a response that waits for shared work. */
export async function whileWaiting<T>(scope: RequestScope | undefined, work: () => Promise<T>): Promise<T> {
  const end = scope?.begin();
  try {
    return await work();
  } finally {
    end?.();
  }
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
  readonly keys: K[];
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
    const keys: K[] = [];
    const begun = new Promise<SharedWork<readonly (V | Error)[]>>((resolve) =>
      schedule(() => {
        if (open === batch) open = undefined;
        resolve(shareWork(sharing, { name, isAnew: batch.isAnew }, async () => checkedValues(keys, await load(keys))));
      }),
    );
    const batch = { keys, places: new Map<K, number>(), begun, isAnew: false };
    return batch;
  };
  const join = (key: K) => {
    if (open === undefined || (open.keys.length >= maxBatchSize && !open.places.has(key))) open = begin();
    open.isAnew ||= readsAnew(sharing.current());
    const { keys, places, begun } = open;
    const place = places.get(key) ?? keys.push(key) - 1;
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
