// `withTidegate(db)`: a Drizzle database whose reads are cached, and never served once a write through it has overtaken them.
//
// The one complication: there must be no way around it. The session of the given object itself is bound, so that
// everything that holds it (its query builders, its transactions, other references to it) goes the same way; nothing of
// Drizzle's modules is changed. What is done on the driver's own client is not seen.

import { platformClock } from '../../cache/platform.ts';
import { TidegateError } from '../../errors.ts';
import type { Fields } from './entities.ts';
import { Catalog, nameOf } from './sound-catalog.ts';
import { Guard } from './sound-guard.ts';
import type { ReadOptions, Sound, SoundOptions } from './sound-options.ts';
import type { Loose } from './sound-prepared.ts';
import { Sessions } from './sound-session.ts';
import { Tally } from './sound-tally.ts';
import type { Dialect } from './sound-text.ts';
import { Texts } from './sound-texts.ts';
import { Writes } from './sound-writes.ts';

const ENTITY_KIND = Symbol.for('drizzle:entityKind');

const DOUBT_MS = 10_000;

/** Parts that tests replace. */
export interface SoundParts {
  readonly guard?: (options: ConstructorParameters<typeof Guard>[0]) => Guard;
  readonly writes?: (guard: Guard, tally: Tally) => Writes;
}

/** Throws E_CONFIG. Returns the object it was given. */
export function withTidegate<Db extends object>(db: Db, options: SoundOptions): Db & Sound<Db> {
  return assembled(db, options, {});
}

export function assembled<Db extends object>(db: Db, options: SoundOptions, parts: SoundParts): Db & Sound<Db> {
  const { session, dialect } = partsOf(db);
  const kind = checked(db, options);
  const tally = new Tally(options.onFault ?? (() => undefined));
  const onFault = (error: unknown) => tally.fault(error);
  const { cache, database } = options;
  const guard = (parts.guard ?? ((given) => new Guard(given)))({
    cache,
    database,
    onFault,
    clock: options.clock ?? platformClock,
    doubtMs: options.doubtMs ?? DOUBT_MS,
  });
  const catalog = new Catalog(options.effects ?? {}, options.functions ?? {});
  catalog.learn(objectsOf(db, options));
  const texts = new Texts(kind, catalog, tally);
  texts.listen(dialect);
  const writes = (parts.writes ?? ((...given) => new Writes(...given)))(guard, tally);
  const context = { cache, guard, tally, dialect: kind, database, scope: () => scopeOf(options) };
  const sessions = new Sessions({ context, writes, catalog, texts, options, isSync: isSync(db, session) });
  sessions.bind(session, { scope: undefined, read: undefined });
  const invalidate = (what: InvalidationOf<Db>) => invalidated(what, { options, guard, catalog });
  const handle = (read: ReadOptions | undefined) => handleOf(db, sessions.derive(session, { scope: undefined, read }));
  return Object.assign(db, {
    $cached: (read: ReadOptions = {}) => handle(read) as Db & Sound<Db>,
    $uncached: () => handle({ enabled: false }) as Db & Sound<Db>,
    $cache: { invalidate },
    $cacheStats: () => tally.stats(),
  });
}

type InvalidationOf<Db> = Parameters<Sound<Db>['$cache']['invalidate']>[0];

function partsOf(db: object): { readonly session: Loose; readonly dialect: Loose } {
  const { session, dialect } = db as Loose;
  if (isRecord(session) && isRecord(dialect) && typeof session.prepareQuery === 'function') return { session, dialect };
  throw new TidegateError('E_CONFIG', 'expected a database object of drizzle(), got something else');
}

function checked(db: object, options: SoundOptions): Dialect {
  const { session, dialect } = partsOf(db);
  if (typeof options.database !== 'string' || options.database === '') {
    throw new TidegateError('E_CONFIG', `expected a name as database, got ${JSON.stringify(options.database)}`);
  }
  if ('$cached' in db) throw new TidegateError('E_CONFIG', 'expected a database object without a cache, got one twice');
  const { cache } = session;
  if (isRecord(cache) && markOf(cache) !== 'NoopCache') {
    throw new TidegateError('E_CONFIG', 'expected drizzle() without a cache of its own, got one');
  }
  const mark = markOf(dialect);
  if (/^Pg/.test(mark)) return 'pg';
  if (/^SQLite/.test(mark)) return 'sqlite';
  throw new TidegateError('E_CONFIG', `expected a database of PostgreSQL or SQLite, got the dialect ${mark}`);
}

/** What Drizzle calls the class. */
function markOf(value: Loose): string {
  const start: unknown = value.constructor;
  return typeof start === 'function' ? String((start as unknown as Fields)[ENTITY_KIND]) : '';
}

function isSync(db: object, session: Loose): boolean {
  return (db as Loose).resultKind === 'sync' || session.resultKind === 'sync';
}

/** All tables and views that were named to Drizzle or to us. */
function objectsOf(db: object, options: SoundOptions): unknown[] {
  const { _ } = db as { readonly _?: Loose };
  const relations = Object.values((_?.relations as object | undefined) ?? {}).map((each) =>
    isRecord(each) ? each.table : each,
  );
  return [options.objects, _?.fullSchema].flatMap((each) => Object.values(each ?? {})).concat(relations);
}

function scopeOf({ schema, role, tenant }: SoundOptions): { readonly schema: string; readonly role: string } {
  return { schema: nowOf(schema), role: JSON.stringify([nowOf(role), nowOf(tenant)]) };
}

function nowOf(given: string | (() => string) | undefined): string {
  const value: unknown = typeof given === 'function' ? given() : (given ?? '');
  if (typeof value === 'string') return value;
  throw new TidegateError('E_CONFIG', `expected a schema, role or tenant as a string, got ${typeof value}`);
}

async function invalidated<Db>(
  { tables, tags }: InvalidationOf<Db>,
  { options, guard, catalog }: { readonly options: SoundOptions; readonly guard: Guard; readonly catalog: Catalog },
): Promise<void> {
  const names = catalog.namesOf([tables ?? []].flat().map(nameOf));
  const inTags = [tags ?? []].flat();
  if (names.length > 0) await guard.invalidate(names);
  if (inTags.length > 0) await options.cache.invalidate({ tags: inTags });
}

/** The same database over another session. */
function handleOf(db: object, session: object): object {
  const { query, _ } = db as Loose;
  const handle = Object.create(db) as Loose;
  handle.session = session;
  handle._ = { ...(_ as object), session };
  if (isRecord(query)) {
    handle.query = Object.fromEntries(Object.entries(query).map(([name, builder]) => [name, over(builder, session)]));
  }
  return handle;
}

function over(builder: unknown, session: object): unknown {
  return isRecord(builder) ? Object.assign(Object.create(builder), { session }) : builder;
}

function isRecord(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null;
}
