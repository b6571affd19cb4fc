// A transaction as the cache sees it: what it writes is invalidated once it is committed, and not before.
//
// The outcome may be unknown. A commit that failed, or a connection that broke, may have written all
// or nothing; so whatever is not surely rolled back is invalidated.

import { expected } from '../../errors.ts';
import { flag, func, has } from '../../options/kit.ts';
import type { Eventually } from '../../ports.ts';
import type { Cache, Invalidation } from '../contract.ts';
import { checkInvalidation } from '../keys/selection.ts';
import { callEach } from '../shared.ts';

/** Reads within one go past the cache; see `CachedRepository.within`. */
export class UnitOfWork {
  readonly #cache: Cache;
  readonly #noted: { readonly what: Invalidation; readonly cache: Cache }[] = [];

  /** Throws E_CONFIG. */
  constructor(cache: Cache) {
    checkCache(cache);
    this.#cache = cache;
  }

  /**
   * To be invalidated when the unit ends, unless it is rolled back. Say it before what it is about is written. `cache`: where
   * it means something, such as a namespace. Default: the unit's. Throws E_SELECTOR, E_KEY, E_TAG: after the commit would be
   * too late.
   */
  note(what: Invalidation, cache: Cache = this.#cache): void {
    checkInvalidation(what);
    if (cache !== this.#cache) checkCache(cache);
    this.#noted.push({ what, cache });
  }

  /** It is committed, or nobody knows: resolves once all that was noted is invalidated. */
  async ended(): Promise<void> {
    const message = 'expected all invalidations to succeed';
    await callEach(this.#noted.splice(0), ({ what, cache }) => cache.invalidate(what), message);
  }

  /** Nothing was written. */
  rolledBack(): void {
    this.#noted.length = 0;
  }

  /**
   * Runs what writes and commits in one, such as a batch of D1, and invalidates after it, also when it fails: then nobody
   * knows what it wrote.
   */
  async commit<T>(write: () => Eventually<T>): Promise<T> {
    let result: T;
    try {
      result = await write();
    } catch (error) {
      await afterFailure(error, () => this.ended());
      throw error;
    }
    await this.ended();
    return result;
  }
}

/** Loses neither error. */
async function afterFailure(error: unknown, after: () => Promise<void>): Promise<void> {
  try {
    await after();
  } catch (second) {
    throw new AggregateError([error, second], 'expected a write and its invalidation to succeed, both failed');
  }
}

/** How a database begins and ends a transaction. */
export interface TransactionControl {
  begin(): Eventually<unknown>;
  commit(): Eventually<unknown>;
  rollback(): Eventually<unknown>;
  /**
   * True: other reads use the same connection and see what is not committed, as with one `DatabaseSync` for all. Then a
   * rollback invalidates as well. Default false.
   */
  readonly isConnectionShared?: boolean;
}

/** Runs `work` in a transaction, and invalidates what it noted once that is committed. Rejects with E_CONFIG before it begins. */
export async function transaction<T>(
  cache: Cache,
  database: TransactionControl,
  work: (unit: UnitOfWork) => Eventually<T>,
): Promise<T> {
  const unit = new UnitOfWork(cache);
  if (!has(database, 'begin', 'commit', 'rollback'))
    expected('E_CONFIG', 'a database with begin(), commit() and rollback()', database);
  flag(database.isConnectionShared ?? false, 'isConnectionShared');
  func(work, 'the work of a transaction');
  await database.begin();
  let result: T;
  try {
    result = await work(unit);
  } catch (error) {
    await afterFailure(error, () => rollBack(database, unit));
    throw error;
  }
  return unit.commit(async () => {
    await database.commit();
    return result;
  });
}

function checkCache(cache: unknown): void {
  if (!has(cache, 'invalidate')) expected('E_CONFIG', 'a cache that createCache made', cache);
}

/** A rollback that fails may have ended in anything: what was noted is invalidated. */
async function rollBack(database: TransactionControl, unit: UnitOfWork): Promise<void> {
  try {
    await database.rollback();
    if (database.isConnectionShared !== true) unit.rolledBack();
  } finally {
    await unit.ended();
  }
}
