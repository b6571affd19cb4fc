// Drizzle's own cache hook over the data cache: `drizzle(client, { cache: tidegateCache(cache, { database: 'app' }) })`.
//
// The hook is told too little, and too early, to be sound. Drizzle tells of a write when it sends it, so the hook guards its
// tables for a time of grace; a read ends with no more than its key, so the hook matches it with its beginning.

import { Cache as DrizzleCache } from 'drizzle-orm/cache/core';
import type { Cache, ReadStamp } from '../../../cache/contract.ts';
import { platformClock, platformTasks } from '../../../cache/platform.ts';
import { type Kept, kept, restored } from '../driver-answers.ts';
import { entityKindOf, tableNames, viewParts } from '../entities.ts';
import { dependsOnPrevious, expiresAt } from '../expiry.ts';
import { digest } from '../key.ts';
import { checkDropIn, namedIn } from '../option-checks.ts';
import type { DropInInvalidation, DropInOptions, DropInStats } from '../options.ts';
import { scopeOf } from '../scope.ts';
import { Guard } from '../writes/guard.ts';
import { type ReadId, ReadsUnderWay } from './reads-under-way.ts';

const PORTS = { clock: platformClock, tasks: platformTasks };
const GRACE_MS = 5_000;
const MAX_READ_MS = 600_000;
const MAX_READS = 10_000;

/** As it is in the cache. */
interface Stored {
  readonly result: Kept;
  readonly expiresAt: number | undefined;
}

/**
 * Drizzle puts `onMutate`, which guards tables, in the place of `invalidate` on each cache that it is given, once for each
 * database. That is passed over; all else is set, so that `invalidate` is a property like any other, and can be spied on.
 */
abstract class KeptInvalidate extends DrizzleCache {
  constructor() {
    super();
    // What is returned here is what the fields of the class below are made on.
    // biome-ignore lint/correctness/noConstructorReturn: there is no other way to be told of an assignment to a property.
    return new Proxy(this, {
      set: (...assigned) => {
        const [, name, value] = assigned;
        return (name === 'invalidate' && value === this.onMutate) || Reflect.set(...assigned);
      },
    });
  }
}

/**
 * A cache for `drizzle({ cache })`. What it closes of the holes of Drizzle's hook: results read while a write was under
 * way, which the hook lets back in; puts that an invalidation overtook; databases, schemas, roles and tenants that share a
 * key; results that come back in another form; caches whose failure fails a query; reads of which Drizzle tells no table.
 *
 * What remains, and `withTidegate(db)` closes: a transaction that commits later than `grace` after its last write, or
 * whose own reads are cached after that; reads of a transaction whose snapshot is older than a write; subqueries in
 * conditions and select lists, right sides of set operations and members of WITH lists beside a table, whose tables
 * Drizzle does not name; functions, operators, casts and views that read more than the tables named, as the hook is not
 * shown the SQL; writes by raw `execute` and by `db.batch`; two queries with the same tables under one tag, and,
 * in 0.45 with sqlite-proxy, `get()` and `all()` of one query, which share a key of Drizzle's. Relational queries of 0.45
 * and synchronous drivers never ask a cache.
 */
export class TidegateCache extends KeptInvalidate {
  readonly #cache: Cache;
  readonly #options: DropInOptions;
  readonly #clock: { now(): number };
  readonly #ttlMs: number | undefined;
  readonly #reads: ReadsUnderWay;
  readonly #guard: Guard;
  readonly #stats = {
    hits: 0,
    misses: 0,
    stored: 0,
    overtaken: 0,
    guarded: 0,
    untracked: 0,
    unstorable: 0,
    invalidations: 0,
    faults: 0,
  };

  /**
   * `db.$cache.invalidate`, for what was committed. Resolves once nothing of before is served; rejects when the cache
   * could not be told, with E_SELECTOR or E_TAG for what names nothing; that a name is no table's is not known.
   */
  invalidate = async (what: DropInInvalidation): Promise<void> => {
    const { tables, tags } = namedIn(what);
    this.#stats.invalidations++;
    await this.#cache.invalidate({ tables: this.#guard.inCache(this.#affected(tables)), tags });
  };

  constructor(cache: Cache, options: DropInOptions) {
    super();
    const { ttlMs, ports = PORTS, graceMs = GRACE_MS, maxReadMs = MAX_READ_MS } = checkDropIn(cache, options);
    this.#cache = cache;
    this.#options = options;
    this.#clock = ports.clock;
    this.#ttlMs = ttlMs;
    this.#reads = new ReadsUnderWay({ maxReadMs, maxReads: MAX_READS });
    this.#guard = new Guard({
      cache,
      database: options.database,
      outside: () => [],
      onFault: (error) => this.#fault(error),
      clock: { monotonic: () => ports.clock.now() },
      tasks: ports.tasks,
      clearing: () => () => undefined,
      mark: () => '',
      doubtMs: graceMs,
    });
  }

  override strategy(): 'explicit' | 'all' {
    return this.#options.strategy ?? 'explicit';
  }

  override async get(...asked: Parameters<DrizzleCache['get']>): Promise<unknown[] | undefined> {
    const [key, tables, isTag, isAutoInvalidate] = asked;
    const isTracked = isAutoInvalidate === true;
    const tracked = isTracked ? tables : [];
    let target = '';
    let stamp: ReadStamp | undefined;
    try {
      target = this.#key(key, tracked, isTag);
      if (this.#mayServe(tables, isTracked)) {
        stamp = this.#cache.stamp();
        const stored = await this.#cache.get<Stored>(target);
        this.#stats[stored === undefined ? 'misses' : 'hits']++;
        if (stored !== undefined) return restored(stored.result) as unknown[];
      }
    } catch (error) {
      stamp = undefined;
      this.#fault(error);
    }
    this.#reads.begin(readId(key, tracked), { target, stamp }, this.#clock.now());
    return undefined;
  }

  override async put(...given: Parameters<DrizzleCache['put']>): Promise<void> {
    const [key, , tables] = given;
    const read = this.#reads.end(readId(key, tables));
    // The cache was not asked: the tables are unknown, or a write to them might be under way.
    if (read !== undefined) await this.#store(read, given).catch((error: unknown) => this.#fault(error));
  }

  /** Called by Drizzle beside a write. Never rejects: tables that could not be invalidated stay guarded. */
  override async onMutate(params: DropInInvalidation): Promise<void> {
    this.#stats.invalidations++;
    const tables = this.#affected(params.tables);
    const tags = [params.tags ?? []].flat();
    if (tables.length > 0) await this.#guard.mayBeWriting(tables);
    if (tags.length === 0) return;
    try {
      await this.#cache.invalidate({ tags });
    } catch (error) {
      this.#fault(error);
    }
  }

  getStats(): DropInStats {
    return { ...this.#stats };
  }

  /** Everything of this database. */
  async clearAll(): Promise<void> {
    await this.#cache.invalidate({ tags: [this.#databaseTag] });
  }

  #mayServe(tables: readonly string[], isTracked: boolean): boolean {
    if (!isTracked) return true;
    if (tables.length === 0) this.#stats.untracked++;
    else if (this.#guard.isBusy(tables)) this.#stats.guarded++;
    else return true;
    return false;
  }

  async #store(
    { target, stamp }: NonNullable<ReturnType<ReadsUnderWay['end']>>,
    given: Parameters<DrizzleCache['put']>,
  ): Promise<void> {
    const [key, response, tables, isTag, config] = given;
    const result = kept(response);
    if (result === undefined) this.#stats.unstorable++;
    if (this.#guard.isBusy(tables)) this.#stats.overtaken++;
    else if (result !== undefined) {
      const now = this.#clock.now();
      const previous = dependsOnPrevious(config) ? await this.#cache.get<Stored>(target) : undefined;
      const named = expiresAt(config, now, previous?.expiresAt);
      const ttl = named === undefined ? this.#ttlMs : named - now;
      // It has expired already.
      if (ttl !== undefined && ttl <= 0) return;
      // SQLite's part of 1.0 puts the method before the tag: `all_mine`. Whoever invalidates says `mine`.
      const bare = /^(?:all|get|run|values)_(.+)$/s.exec(key)?.slice(1) ?? [];
      const stored: Stored = { result, expiresAt: ttl === undefined ? undefined : now + ttl };
      const isStored = await this.#cache.set(target, stored, {
        ...(ttl === undefined ? {} : { ttl }),
        tags: [this.#databaseTag, ...(isTag ? [key, ...bare] : [])],
        tables: this.#guard.inCache(tables),
        stamp,
      });
      this.#stats[isStored ? 'stored' : 'overtaken']++;
    }
  }

  /** Throws what `role` and the like throw. */
  #key(key: string, tables: readonly string[], isTag: boolean): string {
    const scope = Object.values(scopeOf(this.#options));
    return `drizzle:${digest([this.#options.database, ...scope, isTag, [...new Set(tables)].sort(), key])}`;
  }

  /** The tables of a write, and what else it changes. */
  #affected(tables: DropInInvalidation['tables']): readonly string[] {
    const { effects = {} } = this.#options;
    const names = new Set([tables ?? []].flat().flatMap(namesOf));
    // A set that grows while it is gone through: effects have effects.
    for (const name of names) for (const other of effects[name] ?? []) names.add(other);
    return [...names];
  }

  get #databaseTag(): string {
    return `drizzle:${this.#options.database}`;
  }

  #fault(error: unknown): void {
    this.#stats.faults++;
    try {
      this.#options.onFault?.(error);
    } catch {
      // Whoever is told of faults may not fail a query either.
      this.#stats.faults++;
    }
  }
}

/** Throws E_CONFIG, E_TTL. See TidegateCache. */
export function tidegateCache(cache: Cache, options: DropInOptions): TidegateCache {
  return new TidegateCache(cache, options);
}

/** Where writes do not invalidate, Drizzle hands in another list at the end of a read than at its beginning. */
function readId(key: string, tables: readonly string[]): ReadId {
  return { key, list: tables.length > 0 ? tables : undefined };
}

/** A table object has the name Drizzle tells, and in 0.45 with a table creator also the one it had before. */
function namesOf(table: string | object): string[] {
  if (typeof table === 'string') return [table];
  if (entityKindOf(table) === 'view') return [viewParts(table).name];
  const { name, base } = tableNames(table);
  return [name, base];
}
