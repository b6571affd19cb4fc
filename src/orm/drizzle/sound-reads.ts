// One read through the cache: looked up, else run and stored.
//
// The one complication: drivers that answer at once. With them everything is done without a promise; a cache that
// answers with one is not waited for.

import type { Cache, ReadStamp } from '../../cache/contract.ts';
import type { Duration } from '../../options/durations.ts';
import type { Eventually } from '../../ports.ts';
import { queryKey } from './key.ts';
import type { Guard } from './sound-guard.ts';
import { isPacked, packed, unpacked } from './sound-rows.ts';
import type { Tally } from './sound-tally.ts';

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

export interface ReadRequest {
  readonly sql: string;
  readonly params: readonly unknown[];
  /** What else makes the driver answer otherwise: one row or all, arrays or objects. */
  readonly form: string;
  readonly isMapped: boolean;
  /** The driver answers at once. */
  readonly isSync: boolean;
  /** Under which it is stored. */
  readonly names: readonly string[];
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

/** The driver's answer, or one that Drizzle maps to the same rows. Fails only as `run` does. */
export function cachedRead(context: ReadContext, request: ReadRequest, run: Run): Eventually<unknown> {
  const { guard, tally } = context;
  if (guard.isBusy(request.names)) {
    tally.pass('write under way');
    return run();
  }
  const read = new Read(context, request, run);
  const found = tally.safely(() => read.lookUp());
  if (!found.ok) {
    tally.pass('fault');
    return run();
  }
  const { begun, hit } = found.value;
  if (!isPromise(hit)) return read.finish(begun, hit);
  const settled = hit.then(
    (value) => value,
    (error: unknown) => tally.fault(error),
  );
  return request.isSync ? read.finish(begun, undefined) : settled.then((value) => read.finish(begun, value));
}

class Read {
  readonly #context: ReadContext;
  readonly #request: ReadRequest;
  readonly #run: Run;

  constructor(context: ReadContext, request: ReadRequest, run: Run) {
    this.#context = context;
    this.#request = request;
    this.#run = run;
  }

  /** The stamp is taken before anything is asked. */
  lookUp(): { readonly begun: Begun; readonly hit: Eventually<unknown> } {
    const { cache, guard, driver, database, scope } = this.#context;
    const { sql, params, form } = this.#request;
    const mark = guard.mark();
    const stamp = cache.stamp();
    const key = `sql:${queryKey({ database, dialect: driver, ...scope() }, { sql, params, form })}`;
    return { begun: { key, stamp, mark }, hit: cache.get<unknown>(key) };
  }

  finish(begun: Begun, hit: unknown): Eventually<unknown> {
    const { tally } = this.#context;
    if (isPacked(hit)) {
      const answer = tally.safely(() => unpacked(hit));
      if (answer.ok) {
        tally.hit();
        return answer.value;
      }
    }
    tally.miss();
    const answer = this.#run();
    if (isPromise(answer)) {
      return answer.then((value) => {
        this.#store(begun, value);
        return value;
      });
    }
    this.#store(begun, answer);
    return answer;
  }

  /** Not waited for: an invalidation that comes meanwhile overtakes it by its stamp. */
  #store(begun: Begun, answer: unknown): void {
    const { cache, guard, tally } = this.#context;
    const { names, tags, ttl, isMapped } = this.#request;
    if (guard.overtaken(names, begun.mark)) return tally.overtake();
    tally.safely(() => {
      const value = packed(answer, isMapped);
      if (value === undefined) return tally.refuse();
      const options = { stamp: begun.stamp, tables: guard.inCache(names), tags, ...(ttl === undefined ? {} : { ttl }) };
      const stored = cache.set(begun.key, value, options);
      if (isPromise(stored)) stored.catch((error: unknown) => tally.fault(error));
    });
  }
}

export function isPromise<T>(value: Eventually<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
