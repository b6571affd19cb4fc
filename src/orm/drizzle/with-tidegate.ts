// `withTidegate(db)`: a Drizzle database whose reads are cached, and never served once a write through it has overtaken them.
//
// The session of the given object itself is bound, so that everything that holds it (its query builders, its transactions,
// other references to it) goes the same way; nothing of Drizzle's modules is changed. Calls of the driver's own client are
// not seen.

import { platformClock, platformTasks } from '../../cache/platform.ts';
import type { Dialect } from '../../dependency/template.ts';
import { shown, TidegateError } from '../../errors.ts';
import { checkOptions, isRecord } from '../../options/kit.ts';
import { nameOf, RelationNames } from './catalogue/catalogue.ts';
import { Routines } from './catalogue/functions.ts';
import type { Ask } from './catalogue/row-facts.ts';
import { outsideOf } from './catalogue/row-names.ts';
import { Rows } from './catalogue/rows.ts';
import { Texts, textOf } from './catalogue/texts.ts';
import { markOf } from './entities.ts';
import { namedIn, READ, SOUND } from './option-checks.ts';
import type { DropInInvalidation, ReadOptions, Sound, SoundOptions } from './options.ts';
import { Settings, watchClient } from './scope.ts';
import type { Method, UntypedObject } from './session/prepared.ts';
import { type SessionParts, Sessions } from './session/sessions.ts';
import { Tally } from './tally.ts';
import { Guard } from './writes/guard.ts';
import { Writes } from './writes/writes.ts';

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
  const { session, dialect: queries } = partsOf(db);
  const { doubtMs = DOUBT_MS } = checkOptions('withTidegate', options, SOUND);
  const dialect = dialectOf(db, session.cache, queries);
  const tally = new Tally(options.onFault ?? (() => undefined));
  const texts = new Texts(dialect, tally);
  const relations = new RelationNames({ ...options, dialect, read: texts.read, textOf: textsOf(queries) });
  relations.learn(objectsOf(db, options));
  const isListed = relations.hasTables;
  relations.open();
  const { effectsOf, causes } = relations;
  const ask = askOf(session, dialect);
  const asksAlone = /^SQLiteD1/.test(markOf(session));
  const rows = new Rows({ ...options, dialect, ask, effectsOf, fault: (error) => tally.fault(error), asksAlone });
  const asking = { ...options, ask: async (sql: string) => await ask(sql), read: texts.read, causes };
  const routines = dialect === 'postgres' ? new Routines(asking) : undefined;
  const catalogueParts = { relations, routines, rows };
  const guard = (parts.guard ?? ((given) => new Guard(given)))({
    ...guardOptions(options, tally, catalogueParts),
    doubtMs,
  });
  texts.listen(queries, (objects) => relations.learn(objects));
  const writes = (parts.writes ?? ((...given) => new Writes(...given)))(guard, tally);
  const settings = new Settings(options, guard);
  const isSync = (db as UntypedObject).resultKind === 'sync' || session.resultKind === 'sync';
  const own = { options, dialect, driver: markOf(session), isSync };
  const sessions = new Sessions({ ...own, ...catalogueParts, tally, guard, writes, texts, settings });
  if (dialect === 'sqlite') watchClient((db as UntypedObject).$client ?? session.client, () => settings.altered());
  sessions.bind(session, { transaction: undefined, read: undefined });
  const handle = (read: ReadOptions) =>
    handleOf(db, sessions.derive(session, { transaction: undefined, read })) as Db & Sound<Db>;
  return Object.assign(db, {
    $cached: (read: ReadOptions = {}) => {
      checkOptions('$cached', read, READ);
      return handle({ ...read });
    },
    $uncached: () => handle({ enabled: false }),
    $cache: {
      invalidate: (what: DropInInvalidation) => invalidated(what, { options, guard, relations, isListed }),
    },
    $cacheStats: () => tally.stats(),
  });
}

type CatalogueParts = Pick<SessionParts, 'relations' | 'routines' | 'rows'>;

function guardOptions(options: SoundOptions, tally: Tally, { relations, routines, rows }: CatalogueParts) {
  /** What invalidates everything may have made functions and tables. */
  const forget = () => {
    routines?.forget();
    rows.forget();
  };
  return {
    ...options,
    outside: (names: readonly string[]) => outsideOf(names, (tables) => relations.outside(tables)),
    onFault: (error: unknown) => tally.fault(error),
    clock: options.clock ?? platformClock,
    tasks: platformTasks,
    clearing: () => {
      const cleared = relations.clearing();
      forget();
      return () => {
        cleared();
        forget();
      };
    },
    mark: () => rows.mark,
  };
}

/** By the dialect as it is now: what is made so is not learned. */
function textsOf(dialect: UntypedObject): (query: unknown) => string {
  const make = (dialect.sqlToQuery as Method).bind(dialect);
  return (query) => textOf(make((query as { getSQL(): unknown }).getSQL()));
}

/** By Drizzle's own way to the driver, past the cache. */
function askOf(session: UntypedObject, dialect: Dialect): Ask {
  const prepareQuery = (session.prepareQuery as Method).bind(session);
  return (sql, params = []) => {
    const own = { prepareQuery, dialect: { sqlToQuery: () => ({ sql, params }) } };
    const asking = Object.assign(Object.create(session) as UntypedObject, own);
    return ((dialect === 'sqlite' ? asking.all : asking.execute) as Method).call(asking, sql);
  };
}

function partsOf(db: object): { readonly session: UntypedObject; readonly dialect: UntypedObject } {
  const { session, dialect } = db as UntypedObject;
  if (isRecord(session) && isRecord(dialect) && typeof session.prepareQuery === 'function') return { session, dialect };
  throw new TidegateError('E_CONFIG', 'expected a database object of drizzle(), got something else');
}

function dialectOf(db: object, cache: unknown, dialect: UntypedObject): Dialect {
  if ('$cached' in db) throw new TidegateError('E_CONFIG', 'expected a database object without a cache, got one twice');
  if (isRecord(cache) && markOf(cache) !== 'NoopCache') {
    throw new TidegateError('E_CONFIG', 'expected drizzle() without a cache of its own, got one');
  }
  const mark = markOf(dialect);
  if (/^Pg/.test(mark)) return 'postgres';
  if (/^SQLite/.test(mark)) return 'sqlite';
  throw new TidegateError('E_CONFIG', `expected a database of PostgreSQL or SQLite, got the dialect ${mark}`);
}

/** All tables and views that were named to Drizzle or to us. */
function objectsOf(db: object, options: SoundOptions): unknown[] {
  const { _ } = db as { readonly _?: UntypedObject };
  const relations = Object.values((_?.relations as object | undefined) ?? {}).map((each) =>
    isRecord(each) ? each.table : each,
  );
  return [options.objects, _?.fullSchema].flatMap((each) => Object.values(each ?? {})).concat(relations);
}

/** `isListed`: the tables of the relations were told at the beginning. Throws E_SELECTOR, E_TAG. */
async function invalidated(
  what: DropInInvalidation,
  parts: { options: SoundOptions; guard: Guard; relations: RelationNames; isListed: boolean },
): Promise<void> {
  const { options, guard, relations, isListed } = parts;
  const { tables, tags } = namedIn(what);
  relations.learn(tables.filter((table) => typeof table !== 'string'));
  const named = tables.map(nameOf);
  const unknown = isListed ? named.findIndex((name) => !relations.isNamed(name)) : -1;
  if (unknown >= 0) {
    const name = shown(String(tables[unknown]));
    const other = `cache.invalidate({ tables: [${shown(`${options.database}:${tables[unknown]}`)}, ${name}] })`;
    const message = `expected tables and views that are known, got ${name}; if it is one that no object of Drizzle stands for: ${other}`;
    throw new TidegateError('E_SELECTOR', message);
  }
  if (named.length > 0) await guard.invalidate(relations.namesOf(named));
  if (tags.length > 0) await options.cache.invalidate({ tags });
}

/** The same database over another session. */
function handleOf(db: object, session: object): object {
  const { query, _ } = db as UntypedObject;
  const handle = Object.assign(Object.create(db) as UntypedObject, { session, _: { ...(_ as object), session } });
  if (!isRecord(query)) return handle;
  const builders = Object.entries(query).map(([name, builder]) => {
    return [name, isRecord(builder) ? Object.assign(Object.create(builder), { session }) : builder];
  });
  return Object.assign(handle, { query: Object.fromEntries(builders) });
}
