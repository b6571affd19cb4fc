// One read through the cache: looked up, else run and stored. Where the driver answers at once, everything is done without a
// promise, and a cache that answers with one is not waited for.

import type { Cache, ReadStamp } from '../../../cache/contract.ts';
import type { Duration } from '../../../options/durations.ts';
import type { Eventually } from '../../../ports.ts';
import { queryKey } from '../key.ts';
import type { Tally } from '../tally.ts';
import type { Guard } from '../writes/guard.ts';
import { isPacked, packed, rowsIn, unpacked } from './packed-rows.ts';

/** What is the same for all reads. */
export interface ReadContext {
  readonly cache: Cache;
  readonly guard: Guard;
  readonly tally: Tally;
  /** Whose answers they are. */
  readonly driver: string;
  readonly database: string;
  /** Where and as whom it is asked, now. May throw. */
  readonly scope: () => { readonly schema: string; readonly role: string };
}

/** The names of one read. */
export interface ReadNames {
  /** A write under way under one of these may change it. */
  readonly checked: readonly string[];
  /** Those it is stored under. `rows`: of the answer. */
  readonly stored: (rows: readonly unknown[]) => readonly string[];
}

export interface ReadRequest {
  readonly sql: string;
  readonly params: readonly unknown[];
  /** What else makes the driver answer otherwise: one row or all, arrays or objects. */
  readonly form: string;
  readonly isMapped: boolean;
  /** The driver answers at once. */
  readonly isSync: boolean;
  /** Made when they are needed: a hit under no write needs none. */
  readonly names: () => ReadNames;
  /** By which the names are made; part of the key. */
  readonly mark: string;
  readonly tags: readonly string[];
  readonly ttl: Duration | undefined;
}

type Run = () => Eventually<unknown>;

/** A read that has begun. */
interface Begun {
  readonly key: string;
  readonly stamp: ReadStamp;
  readonly mark: number;
}

interface Read extends ReadContext {
  readonly request: ReadRequest;
  readonly run: Run;
}

/** The driver's answer, or one that Drizzle maps to the same rows. Fails only as `run` does. */
export function cachedRead(context: ReadContext, request: ReadRequest, run: Run): Eventually<unknown> {
  const { guard, tally } = context;
  if (guard.isAnyBusy && guard.isBusy(request.names().checked)) {
    tally.pass('write under way');
    return run();
  }
  const read = { ...context, request, run };
  const found = tally.safely(() => lookUp(read));
  if (!found.ok) {
    tally.pass('fault');
    return run();
  }
  const { begun, hit } = found.value;
  if (!isPromise(hit)) return finish(read, begun, hit);
  const settled = hit.catch((error: unknown) => tally.fault(error));
  return request.isSync ? finish(read, begun, undefined) : settled.then((value) => finish(read, begun, value));
}

/** The stamp is taken before anything is asked. */
function lookUp({ cache, guard, driver, database, scope, request }: Read): {
  readonly begun: Begun;
  readonly hit: Eventually<unknown>;
} {
  const { sql, params, form, mark: tag } = request;
  const mark = guard.mark();
  const stamp = cache.stamp();
  const key = `sql:${queryKey({ database, dialect: driver, ...scope() }, { sql, params, form, tag })}`;
  return { begun: { key, stamp, mark }, hit: cache.get<unknown>(key) };
}

function finish(read: Read, begun: Begun, hit: unknown): Eventually<unknown> {
  const { tally, run } = read;
  if (isPacked(hit)) {
    const answer = tally.safely(() => unpacked(hit));
    if (answer.ok) {
      tally.count('hits');
      return answer.value;
    }
  }
  tally.count('misses');
  const answer = run();
  if (!isPromise(answer)) return stored(read, begun, answer);
  return answer.then((value) => stored(read, begun, value));
}

/** The answer. Storing is not waited for: an invalidation that comes meanwhile overtakes it by its stamp. */
function stored({ cache, guard, tally, request }: Read, { key, stamp, mark }: Begun, answer: unknown): unknown {
  const { tags, ttl, isMapped } = request;
  const names = request.names();
  if (guard.overtaken(names.checked, mark)) {
    tally.count('overtaken');
    return answer;
  }
  tally.safely(() => {
    const value = packed(answer, isMapped);
    if (value === undefined) return tally.count('unstorable');
    const tables = guard.inCache(names.stored(rowsIn(value)));
    const options = { stamp, tables, tags, ...(ttl === undefined ? {} : { ttl }) };
    const storing = cache.set(key, value, options);
    if (isPromise(storing)) storing.catch((error: unknown) => tally.fault(error));
  });
  return answer;
}

export function isPromise<T>(value: Eventually<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
