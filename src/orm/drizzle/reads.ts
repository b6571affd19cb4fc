// Reads: whether one goes through the cache, under which names it is stored there, and how it is looked up, else run and stored.
// Where the driver answers at once, everything is done without a promise, and a cache that answers with one is not waited for.

import type { ReadStamp } from '../../cache/contract.ts';
import { checkedTags, MAX_TAGS } from '../../cache/keys/tags.ts';
import { platformClock } from '../../cache/platform.ts';
import { mayMove } from '../../dependency/condition/cells.ts';
import type { Dialect } from '../../dependency/template.ts';
import type { Duration } from '../../options/durations.ts';
import { isRecord, type UnknownRecord } from '../../options/kit.ts';
import type { Clock, Eventually } from '../../ports.ts';
import { nameOf, type RelationNames } from './catalogue/catalogue.ts';
import type { Routines } from './catalogue/functions.ts';
import type { Rows, RowTerms } from './catalogue/rows.ts';
import type { KnownText } from './catalogue/texts.ts';
import { isPacked, packed, rowsIn, unpacked } from './driver-answers.ts';
import { type ExpiryConfig, expiresAt } from './expiry.ts';
import { queryKey } from './key.ts';
import { checkedTables } from './option-checks.ts';
import type { PassReason, ReadOptions, SoundOptions } from './options.ts';
import { type Settings, scopeOf } from './scope.ts';
import { type DriverCall, isPromise, type Plan } from './session/prepared.ts';
import type { Tally } from './tally.ts';
import type { Guard } from './writes/guard.ts';
import type { TransactionWrites, Writes } from './writes/writes.ts';

export interface ReadsParts {
  readonly options: SoundOptions;
  readonly dialect: Dialect;
  /** Drivers answer in forms of their own, and what is stored is the driver's answer. */
  readonly driver: string;
  readonly tally: Tally;
  readonly guard: Guard;
  readonly writes: Writes;
  readonly relations: RelationNames;
  /** The functions of the database; undefined: it is not PostgreSQL. */
  readonly routines: Routines | undefined;
  readonly rows: Rows;
  readonly settings: Settings;
}

/** A query that one of its methods is about to send. */
export interface Query {
  readonly text: KnownText;
  readonly hints: SessionHints;
  readonly method: string;
  /** The driver answers at once. */
  readonly isSync: boolean;
  readonly isCacheable: boolean;
}

interface Terms extends RowTerms {
  readonly tags: readonly string[];
  readonly ttl: Duration | undefined;
  /** With some parameters its answer depends on the time. */
  readonly isTimed: boolean;
}

/** One call of the driver. */
interface Read extends ReturnType<Rows['reading']> {
  readonly query: Query;
  readonly terms: Terms;
  /** Of the answers that its method gets. */
  readonly part: string;
  readonly params: readonly unknown[];
  readonly run: () => Eventually<unknown>;
}

/** A read that has begun; `count`: of intents. */
interface Begun {
  readonly key: string;
  readonly stamp: ReadStamp;
  readonly count: number;
  readonly hit: Eventually<unknown>;
}

export class Reads {
  readonly #parts: ReadsParts;

  constructor(parts: ReadsParts) {
    this.#parts = parts;
  }

  /** `transaction`: the transaction that it is sent in, now. `handle`: of `$cached`. */
  plan(query: Query, transaction: () => TransactionWrites | undefined, handle: ReadOptions | undefined): Plan {
    const { tally, routines } = this.#parts;
    const terms = this.#termsOf(query, transaction(), handle);
    if (typeof terms === 'string') {
      tally.pass(terms);
      return {};
    }
    if (terms.byHand.length > 0 || routines?.isKnown !== false) return { call: this.#callOf(query, terms) };
    const call: DriverCall = async (...given) => {
      try {
        await routines.learn();
      } catch (error) {
        tally.fault(error);
        return this.#past('fault', given[2]);
      }
      // Much may be another by then.
      return this.plan(query, transaction, handle).call?.(...given) ?? given[2]();
    };
    return { call };
  }

  #termsOf(
    query: Query,
    transaction: TransactionWrites | undefined,
    handle: ReadOptions | undefined,
  ): Terms | PassReason {
    const { options, relations, tally, writes, routines, settings, dialect } = this.#parts;
    const { facts, isLearned } = query.text;
    const found = tally.safely(() => askedOf(query.hints, handle, options));
    if (!found.ok) return 'fault';
    const asked = found.value;
    if (asked === undefined) return 'not asked';
    if (writes.hidesReads(transaction)) return 'transaction';
    if (settings.isAltered) return 'session settings';
    if (facts.locks) return 'locks';
    const isAnyTime = asked.isExplicit && !asked.isRaw;
    if (facts.isVolatile && !isAnyTime) return 'volatile';
    if (!query.isCacheable) return 'driver';
    const byHand = asked.tables.map(nameOf);
    const names = relations.namesRead(facts, byHand);
    if (names === undefined || isLearned === false || names.length > MAX_TAGS) return 'unknown tables';
    if (byHand.length === 0 && routines?.isKnown === true && routines.mayRun(facts)) return 'unknown tables';
    const { tags, ttl, isTracked } = asked;
    return { names: isTracked ? names : [], byHand, tags, ttl, isTimed: !isAnyTime && dialect === 'postgres' };
  }

  #callOf(query: Query, terms: Terms): DriverCall {
    const { rows } = this.#parts;
    const { text } = query;
    return (part, params, run) => {
      if (terms.isTimed && params.some(mayMove)) return this.#past('volatile', run);
      return rows.whenKnown(() =>
        this.#read({ query, terms, part, params, run, ...rows.reading({ text, params }, terms) }),
      );
    };
  }

  #past(reason: PassReason, run: () => Eventually<unknown>): Eventually<unknown> {
    this.#parts.tally.pass(reason);
    return run();
  }

  /** The driver's answer, or one that Drizzle maps to the same rows. Fails only as `run` does. */
  #read(read: Read): Eventually<unknown> {
    const { guard, tally } = this.#parts;
    if (guard.isAnyBusy && guard.isBusy(read.names().checked)) return this.#past('write under way', read.run);
    const found = tally.safely(() => this.#begun(read));
    if (!found.ok) return this.#past('fault', read.run);
    const { hit } = found.value;
    if (!isPromise(hit)) return this.#finished(read, found.value, hit);
    const settled = hit.catch((error: unknown) => tally.fault(error));
    if (read.query.isSync) return this.#finished(read, found.value, undefined);
    return settled.then((value) => this.#finished(read, found.value, value));
  }

  /** The stamp is taken before anything is asked. May throw what `role` and the like throw. */
  #begun({ query, part, params, mark: tag }: Read): Begun {
    const { options, driver: dialect, guard } = this.#parts;
    const { cache, database } = options;
    const { count } = guard;
    const stamp = cache.stamp();
    // Whatever else makes the driver answer otherwise: one row or all, arrays or objects.
    const form = `${query.method} ${part} ${query.hints.isMapped}`;
    const statement = { sql: query.text.sql, params, form, tag };
    const key = `sql:${queryKey({ database, dialect, ...scopeOf(options) }, statement)}`;
    return { key, stamp, count, hit: cache.get<unknown>(key) };
  }

  #finished(read: Read, begun: Begun, hit: unknown): Eventually<unknown> {
    const { tally } = this.#parts;
    if (isPacked(hit)) {
      const answer = tally.safely(() => unpacked(hit));
      if (answer.ok) {
        tally.count('hits');
        return answer.value;
      }
    }
    tally.count('misses');
    const answer = read.run();
    const store = (value: unknown) => this.#stored(read, begun, value);
    return isPromise(answer) ? answer.then(store) : store(answer);
  }

  /** The answer. Storing is not waited for: an invalidation that comes meanwhile overtakes it by its stamp. */
  #stored({ names, terms, query }: Read, { key, stamp, count }: Begun, answer: unknown): unknown {
    const { guard, tally, options } = this.#parts;
    const { tags, ttl } = terms;
    const { checked, stored } = names();
    if (guard.overtaken(checked, count)) {
      tally.count('overtaken');
      return answer;
    }
    tally.safely(() => {
      const value = packed(answer, query.hints.isMapped);
      if (value === undefined) return tally.count('unstorable');
      const tables = guard.inCache(stored(rowsIn(value)));
      const storing = options.cache.set(key, value, { stamp, tables, tags, ...(ttl === undefined ? {} : { ttl }) });
      if (isPromise(storing)) storing.catch((error: unknown) => tally.fault(error));
    });
    return answer;
  }
}

/** What Drizzle tells its session of a query, told from its arguments: their order differs from version to version. */
interface SessionHints {
  /** It is of a query builder: its answer is mapped to rows. */
  readonly isMapped: boolean;
  /** Of `$withCache`. */
  readonly config: WithCache | undefined;
}

/** `$withCache` of 0.45 says `enable`, that of 1.0 `enabled`. */
type WithCache = UnknownRecord & { readonly config?: ExpiryConfig };

export function sessionHints(args: readonly unknown[]): SessionHints {
  const isMetadata = (arg: unknown) => isRecord(arg) && typeof arg.type === 'string' && Array.isArray(arg.tables);
  const isMapped = Array.isArray(args[1]) || args.some((arg) => typeof arg === 'function' || isMetadata(arg));
  const config = args.slice(1).find((arg) => isRecord(arg) && ('enable' in arg || 'enabled' in arg));
  return { isMapped, config: config as WithCache | undefined };
}

/** Undefined: it is not to be cached. `handle`: of `$cached`. Throws E_TTL, E_TAG. */
function askedOf({ isMapped, config }: SessionHints, handle: ReadOptions | undefined, options: SoundOptions) {
  const isOff =
    handle?.enabled === false || (config !== undefined && config.enable !== true && config.enabled !== true);
  const isExplicit = config !== undefined || handle !== undefined;
  if (isOff || (!isExplicit && options.strategy !== 'all')) return undefined;
  const tables = [...(handle?.tables ?? []), ...[config?.tables ?? []].flat()];
  const isRaw = !isMapped && tables.length === 0;
  // Nobody has asked for raw SQL by asking for every read of a query builder.
  if (isRaw && !isExplicit) return undefined;
  const tags: unknown[] = [...(handle?.tags ?? []), ...[config?.tags ?? [], config?.tag ?? []].flat()];
  return {
    /** Somebody asked for this very query, and not the strategy alone. */
    isExplicit,
    /** Of raw SQL, and its tables are not named. */
    isRaw,
    tags: checkedTags(tags as readonly string[], 'tags'),
    tables: checkedTables(tables),
    ttl: ttlOf(config, options.clock ?? platformClock) ?? handle?.ttl ?? options.ttl,
    /** False: writes do not invalidate it. */
    isTracked: config?.autoInvalidate !== false,
  };
}

/** Of Drizzle's own terms, those about an entry that is replaced say nothing here. Throws E_TTL. */
function ttlOf(config: WithCache | undefined, clock: Pick<Clock, 'now'>): Duration | undefined {
  if (config === undefined) return undefined;
  const { ttl } = config;
  if (typeof ttl === 'number' || typeof ttl === 'string') return ttl as Duration;
  const now = clock.now();
  const at = expiresAt(config.config, now, undefined);
  return at === undefined ? undefined : Math.max(0, at - now);
}
