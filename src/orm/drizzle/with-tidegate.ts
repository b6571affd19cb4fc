// `withTidegate(db)`: a Drizzle database whose reads are cached, and never served once a write through it has overtaken them.
//
// The session of the given object itself is bound, so that everything that holds it (its query builders, its transactions,
// other references to it) goes the same way; nothing of Drizzle's modules is changed. Calls of the driver's own client are
// not seen.

import { platformClock, platformTasks } from '../../cache/platform.ts';
import type { Dialect } from '../../dependency/template.ts';
import { shown, TidegateError } from '../../errors.ts';
import { Catalog, nameOf } from './catalogue/catalogue.ts';
import { Routines } from './catalogue/functions.ts';
import type { Ask } from './catalogue/row-facts.ts';
import { outsideOf } from './catalogue/row-names.ts';
import { Rows } from './catalogue/rows.ts';
import { Texts, textOf } from './catalogue/texts.ts';
import type { Fields } from './entities.ts';
import { checkRead, checkSound, namedIn } from './option-checks.ts';
import type { ReadOptions, Sound, SoundOptions } from './options.ts';
import { Reads } from './reads/reads.ts';
import { Settings, scopeOf, watchClient } from './scope.ts';
import type { Loose, Method } from './session/prepared.ts';
import { Sessions } from './session/sessions.ts';
import { Tally } from './tally.ts';
import { Guard } from './writes/guard.ts';
import { Writes } from './writes/writes.ts';

const ENTITY_KIND = Symbol.for('drizzle:entityKind');

const DOUBT_MS = 10_000;

/** Parts that tests replace. */
export interface SoundParts {
  readonly guard?: (options: ConstructorParameters<typeof Guard>[0]) => Guard;
  readonly writes?: (guard: Guard, tally: Tally) => Writes;
}

/** Throws E_CONFIG, E_TTL. Returns the object it was given. */
export function withTidegate<Db extends object>(db: Db, options: SoundOptions): Db & Sound<Db> {
  return assembled(db, options, {});
}

export function assembled<Db extends object>(db: Db, options: SoundOptions, parts: SoundParts): Db & Sound<Db> {
  const { session, dialect } = partsOf(db);
  const { doubtMs = DOUBT_MS } = checkSound(options);
  const kind = checked(db);
  const tally = new Tally(options.onFault ?? (() => undefined));
  const { cache, database } = options;
  const texts = new Texts(kind, tally);
  const catalog = new Catalog({ ...options, dialect: kind, read: texts.read, textOf: textsOf(dialect) });
  catalog.learn(objectsOf(db, options));
  const isListed = catalog.hasTables;
  catalog.open();
  const asked = askedBy(db as Loose, kind, { options, texts, catalog });
  const { routines, rows } = asked;
  const guard = (parts.guard ?? ((given) => new Guard(given)))({
    cache,
    database,
    outside: (names) => outsideOf(names, (tables) => catalog.outside(tables)),
    onFault: (error) => tally.fault(error),
    clock: options.clock ?? platformClock,
    tasks: platformTasks,
    clearing: () => clearing(catalog, [routines, rows]),
    mark: () => rows.mark,
    doubtMs,
  });
  texts.listen(dialect, (objects) => catalog.learn(objects));
  const writes = (parts.writes ?? ((...given) => new Writes(...given)))(guard, tally);
  // Drivers answer in forms of their own, and what is stored is the driver's answer.
  const context = { cache, guard, tally, driver: markOf(session), database, scope: () => scopeOf(options) };
  const settings = new Settings(options, guard);
  const common = { ...asked, writes, catalog, settings, dialect: kind };
  const sessions = new Sessions({ ...common, texts, reads: new Reads({ ...common, context, options }) });
  if (kind === 'sqlite') watchClient((db as Loose).$client ?? session.client, () => settings.altered());
  sessions.bind(session, { scope: undefined, read: undefined });
  const invalidate = (what: InvalidationOf<Db>) => invalidated(what, { options, guard, catalog, isListed });
  const handle = (read: ReadOptions) => {
    checkRead(read);
    return handleOf(db, sessions.derive(session, { scope: undefined, read: { ...read } }));
  };
  return Object.assign(db, {
    $cached: (read: ReadOptions = {}) => handle(read) as Db & Sound<Db>,
    $uncached: () => handle({ enabled: false }) as Db & Sound<Db>,
    $cache: { invalidate },
    $cacheStats: () => tally.stats(),
  });
}

interface Asking {
  readonly options: SoundOptions;
  readonly texts: Texts;
  readonly catalog: Catalog;
}

/** What the database itself is asked. */
function askedBy(db: Loose, dialect: Dialect, { options, texts, catalog }: Asking) {
  const { session } = partsOf(db);
  const ask = askOf(session, dialect);
  const asking = { ...options, ask: async (sql: string) => await ask(sql), read: texts.read, causes: catalog.causes };
  const routines = dialect === 'postgres' ? new Routines(asking) : undefined;
  const isSync = db.resultKind === 'sync' || session.resultKind === 'sync';
  return { routines, rows: new Rows({ ...options, dialect, ask, functions: catalog.functions }), isSync };
}

/** What invalidates everything may have made functions and tables. */
function clearing(catalog: Catalog, known: readonly ({ forget(): void } | undefined)[]): () => void {
  const cleared = catalog.clearing();
  const forget = () => {
    for (const each of known) each?.forget();
  };
  forget();
  return () => {
    cleared();
    forget();
  };
}

/** By the dialect as it is now: what is made so is not learned. */
function textsOf(dialect: Loose): (query: unknown) => string {
  const make = (dialect.sqlToQuery as Method).bind(dialect);
  return (query) => textOf(make((query as { getSQL(): unknown }).getSQL()));
}

/** By Drizzle's own way to the driver, past the cache. */
function askOf(session: Loose, dialect: Dialect): Ask {
  const prepareQuery = (session.prepareQuery as Method).bind(session);
  return (sql, params = []) => {
    const asking = Object.assign(Object.create(session) as Loose, {
      prepareQuery,
      dialect: { sqlToQuery: () => ({ sql, params }) },
    });
    return ((dialect === 'sqlite' ? asking.all : asking.execute) as Method).call(asking, sql);
  };
}

type InvalidationOf<Db> = Parameters<Sound<Db>['$cache']['invalidate']>[0];

function partsOf(db: object): { readonly session: Loose; readonly dialect: Loose } {
  const { session, dialect } = db as Loose;
  if (isRecord(session) && isRecord(dialect) && typeof session.prepareQuery === 'function') return { session, dialect };
  throw new TidegateError('E_CONFIG', 'expected a database object of drizzle(), got something else');
}

function checked(db: object): Dialect {
  const { session, dialect } = partsOf(db);
  if ('$cached' in db) throw new TidegateError('E_CONFIG', 'expected a database object without a cache, got one twice');
  const { cache } = session;
  if (isRecord(cache) && markOf(cache) !== 'NoopCache') {
    throw new TidegateError('E_CONFIG', 'expected drizzle() without a cache of its own, got one');
  }
  const mark = markOf(dialect);
  if (/^Pg/.test(mark)) return 'postgres';
  if (/^SQLite/.test(mark)) return 'sqlite';
  throw new TidegateError('E_CONFIG', `expected a database of PostgreSQL or SQLite, got the dialect ${mark}`);
}

/** What Drizzle calls the class. */
function markOf(value: Loose): string {
  const start: unknown = value.constructor;
  return typeof start === 'function' ? String((start as unknown as Fields)[ENTITY_KIND]) : '';
}

/** All tables and views that were named to Drizzle or to us. */
function objectsOf(db: object, options: SoundOptions): unknown[] {
  const { _ } = db as { readonly _?: Loose };
  const relations = Object.values((_?.relations as object | undefined) ?? {}).map((each) =>
    isRecord(each) ? each.table : each,
  );
  return [options.objects, _?.fullSchema].flatMap((each) => Object.values(each ?? {})).concat(relations);
}

interface InvalidationParts {
  readonly options: SoundOptions;
  readonly guard: Guard;
  readonly catalog: Catalog;
  /** Its tables were told at the beginning. */
  readonly isListed: boolean;
}

/** Throws E_SELECTOR, E_TAG. */
async function invalidated<Db>(what: InvalidationOf<Db>, parts: InvalidationParts): Promise<void> {
  const { options, guard, catalog, isListed } = parts;
  const { tables, tags } = namedIn(what);
  catalog.learn(tables.filter((table) => typeof table !== 'string'));
  const named = tables.map(nameOf);
  const unknown = isListed ? named.findIndex((name) => !catalog.isNamed(name)) : -1;
  if (unknown >= 0) throw notATable(String(tables[unknown]), options.database);
  if (named.length > 0) await guard.invalidate(catalog.namesOf(named));
  if (tags.length > 0) await options.cache.invalidate({ tags });
}

function notATable(name: string, database: string): TidegateError {
  const other = `cache.invalidate({ tables: [${shown(`${database}:${name}`)}, ${shown(name)}] })`;
  const message = `expected tables and views that are known, got ${shown(name)}; if it is one that no object of Drizzle stands for: ${other}`;
  return new TidegateError('E_SELECTOR', message);
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
