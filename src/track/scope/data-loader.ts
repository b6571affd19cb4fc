// The package `dataloader`, watched: what a batch reads counts for each request that is given a value of it, also where
// requests share a loader.
//
// Nothing but the value leads from a batch to those who wait for it, and the loader keeps values. So values go through the
// loader along with the scope in which they were read, and come out as they were.

import { type LoadedModule, loadedModules, whenLoaded } from '../wrap/drivers.ts';
import type { RequestScope } from './scope.ts';
import { closeScope, openShared, readsAnew, type Sharing } from './shared-work.ts';

/** The part of a loader that is used; `_batchLoadFn` is where its batches run, in all of its versions. */
interface LoaderLike {
  readonly name?: string | null;
  _batchLoadFn(keys: readonly unknown[]): unknown;
}

interface Origin {
  readonly begunAt: number;
  /** By tracker; undefined when the reads are unknown. */
  readonly scopes: ReadonlyMap<Sharing, RequestScope | undefined>;
}

const UNKNOWN: Origin = { begunAt: 0, scopes: new Map() };

/** A value on its way through a loader. */
class Carried {
  readonly value: unknown;
  readonly origin: Origin;

  constructor(value: unknown, origin: Origin) {
    this.value = value;
    this.origin = origin;
  }

  /** Messages of the loader show values. */
  toString(): string {
    return String(this.value);
  }
}

const trackers = new Set<Sharing>();
const watched = new WeakSet<object>();
const ofErrors = new WeakMap<object, Origin>();
/** By loader: the responses that wait for it, once for each load. */
const waitingFor = new WeakMap<object, Set<{ readonly scope: RequestScope }>>();
let moments = 0;

/** Returns a function that ends the watch. */
export function watchDataLoaders(sharing: Sharing): () => void {
  trackers.add(sharing);
  const watch = ({ name, exports }: LoadedModule) => {
    if (name === 'dataloader') watchClass(exports);
  };
  const unwatch = whenLoaded(watch);
  for (const loaded of loadedModules()) watch(loaded);
  return () => {
    trackers.delete(sharing);
    unwatch();
  };
}

/** `loaded`: what the package exports. */
function watchClass(loaded: unknown): void {
  const { prototype } = (typeof loaded === 'function' ? loaded : {}) as { readonly prototype?: object };
  if (prototype === undefined || watched.has(prototype)) return;
  const { load, prime } = prototype as {
    readonly load?: (this: LoaderLike, key: unknown) => Promise<unknown>;
    readonly prime?: (this: LoaderLike, key: unknown, value: unknown) => unknown;
  };
  if (typeof load !== 'function' || typeof prime !== 'function') return;
  watched.add(prototype);
  Object.assign(prototype, {
    load(this: LoaderLike, key: unknown): Promise<unknown> {
      watchBatches(this);
      const waiting = [...trackers].map((sharing) => awaiting(sharing, this));
      let loading: Promise<unknown>;
      try {
        loading = load.call(this, key);
      } catch (error) {
        for (const given of waiting) given(undefined);
        throw error;
      }
      const opened = (outcome: unknown) => {
        const known = outcome instanceof Error ? ofErrors.get(outcome) : undefined;
        const { value, origin } = outcome instanceof Carried ? outcome : { value: outcome, origin: known ?? UNKNOWN };
        for (const given of waiting) given(origin);
        return value;
      };
      return loading.then(opened, (error: unknown) => {
        throw opened(error);
      });
    },
    prime(this: LoaderLike, key: unknown, value: unknown): unknown {
      // The caller that primes it has read the value, before now.
      const origin = { begunAt: 0, scopes: new Map([...trackers].map((one) => [one, one.current()])) };
      return prime.call(this, key, isPromise(value) ? value.then((one) => carry(one, origin)) : carry(value, origin));
    },
  });
}

/** Waits on behalf of the response that is being made. Returns a function to be called with the value's origin. */
function awaiting(sharing: Sharing, loader: LoaderLike): (origin: Origin | undefined) => void {
  const scope = sharing.current();
  if (scope === undefined) return () => undefined;
  const cameAt = ++moments;
  const end = scope.begin();
  const waiting = waitingFor.get(loader) ?? new Set();
  waitingFor.set(loader, waiting);
  const own = { scope };
  waiting.add(own);
  return (origin) => {
    end();
    waiting.delete(own);
    if (origin === undefined) return;
    const read = origin.scopes.get(sharing);
    if (read === undefined) scope.untracked('cached-value', 'a value that a loader had, read by an unknown request');
    else if (origin.begunAt > cameAt) scope.adopt(read);
    else scope.renew(read);
  };
}

function watchBatches(loader: LoaderLike): void {
  if (watched.has(loader)) return;
  watched.add(loader);
  const batch = loader._batchLoadFn;
  const name = `the loader ${loader.name || batch.name || 'without a name'}`;
  loader._batchLoadFn = (keys) => {
    // The batch is run for the first of its requests; any other may have written.
    const isAnew = [...(waitingFor.get(loader) ?? [])].some(({ scope }) => readsAnew(scope));
    const scopes = new Map([...trackers].map((sharing) => [sharing, openShared(sharing, isAnew)]));
    const origin = { begunAt: ++moments, scopes };
    const run = [...scopes.values()].reduce<() => unknown>(
      (work, scope) => () => scope.run(work),
      () => batch.call(loader, keys),
    );
    const close = () => Promise.all([...scopes.values()].map((scope) => closeScope(scope, name)));
    const failed = async (error: unknown) => {
      await close();
      throw carry(error, origin);
    };
    let values: unknown;
    try {
      values = run();
    } catch (error) {
      return failed(error);
    }
    // The loader itself refuses a value that is no promise.
    if (!isPromise(values)) return values;
    return values.then(async (all) => {
      await close();
      const isList = typeof all === 'object' && all !== null && 'length' in all;
      return isList ? Array.from(all as ArrayLike<unknown>, (value) => carry(value, origin)) : all;
    }, failed);
  };
}

/** The loader tells an Error apart, so it goes as it is. */
function carry(value: unknown, origin: Origin): unknown {
  if (!(value instanceof Error)) return new Carried(value, origin);
  ofErrors.set(value, origin);
  return value;
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function';
}
