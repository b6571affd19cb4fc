// node:sqlite and better-sqlite3, which answer at once.
//
// A statement that is still being iterated keeps its connection at the moment when it began, so
// whatever else is read on it meanwhile is as old (sqlite-rows.ts), whichever wrapper of that connection reads it.
//
// LIKE, GLOB and views call functions that no statement names. So if any name that statements are taken to know means
// something else on a connection, nothing read on it is stored.

import { replacesOwn } from '../../sql/calls/functions.ts';
import type { Refusal } from '../follow/registry-client.ts';
import type { Connection, Recorder } from './recorder.ts';
import { PLACE, SqlitePlace } from './sqlite-place.ts';
import { SqliteRows } from './sqlite-rows.ts';
import { givenOf, NOTHING_GIVEN } from './statements.ts';
import { methodOf, namesOf, originalOf, runNow, wrapped } from './wrapping.ts';

const STATEMENT = namesOf(`columns setReadBigInts setReturnArrays setAllowBareNamedParameters
  setAllowUnknownNamedParameters`);
const DATABASE = namesOf(`open close location createSession enableDefensive enableLoadExtension setAuthorizer
  defaultSafeIntegers backup serialize transaction unsafeMode`);
/** Methods that define the meaning of a name. */
const DEFINING = ['function', 'aggregate', 'collation', 'table'] as const;
/** Methods of better-sqlite3 that return the statement itself. */
const MODES = ['raw', 'pluck', 'expand', 'safeIntegers'] as const;

/**
 * Asks for the file, and whether nothing changes the meaning of a name or of LIKE. Asked each time, as both may be
 * changed past the wrapper.
 */
const STATE = `SELECT file, text, NOT EXISTS (SELECT 1 FROM temp.sqlite_master) AND NOT EXISTS (SELECT 1 FROM pragma_database_list
  WHERE name NOT IN ('main', 'temp')) AND 'a' LIKE 'A' FROM (${PLACE})`;

/** The connection, as far as it is alike for all wrappers. */
class SqliteConnection implements Connection {
  openRows = 0;
  #isAltered: boolean | undefined;
  readonly #database: object;
  #question: object | undefined;
  readonly #place = new SqlitePlace();

  constructor(database: object) {
    this.#database = database;
    // Later, another file may have its name.
    this.#isUnaltered();
  }

  get isAltered(): boolean {
    // Functions are looked at once: a connection may be opened, and be given some, after it is wrapped.
    this.#isAltered ??= hasReplaced(this.#database);
    return !this.#isUnaltered() || this.#isAltered;
  }

  set isAltered(value: boolean) {
    this.#isAltered = value;
  }

  #isUnaltered(): boolean {
    try {
      this.#question ??= methodOf(this.#database, 'prepare')(STATE) as object;
      const [file, text, isUnaltered] = Object.values(methodOf(this.#question, 'get')() as object) as unknown[];
      this.#place.told(file, text);
      return Number(isUnaltered) === 1;
    } catch {
      // The database was closed, and may be opened again.
      this.#question = undefined;
      this.#place.told(undefined, undefined);
      return false;
    }
  }

  get cutsTexts(): boolean {
    return this.#place.cutsTexts;
  }

  elsewhere(server: string | undefined): Refusal | undefined {
    return this.#place.refusal(server);
  }

  isTransaction(): boolean {
    const isWithin = 'inTransaction' in this.#database ? 'inTransaction' : 'isTransaction';
    return this.openRows > 0 || Reflect.get(this.#database, isWithin, this.#database) !== false;
  }
}

const connections = new WeakMap<object, SqliteConnection>();

function connectionOf(database: object): SqliteConnection {
  const original = originalOf(database) as object;
  const known = connections.get(original) ?? new SqliteConnection(original);
  connections.set(original, known);
  return known;
}

/** `DatabaseSync` and `Database`. */
export function wrapSqlite<T extends object>(database: T, recorder: Recorder): T {
  const connection = connectionOf(database);
  const parts: Parts = { recorder, connection };
  const run = (text: unknown, call: () => unknown) =>
    runNow(recorder.begin(text, givenOf([]), connection), { run: call, rows: () => undefined });
  const own: Record<string, unknown> = {
    prepare: (...given: unknown[]) => {
      const started = recorder.start();
      try {
        return wrapStatement(methodOf(database, 'prepare')(...given) as object, given[0], parts);
      } catch (error) {
        // A missing table or column is a read, too.
        recorder.begin(given[0], { ...NOTHING_GIVEN, started }, connection)?.failed();
        throw error;
      }
    },
    exec: (text: unknown): unknown => {
      const answer = run(text, () => methodOf(database, 'exec')(text));
      return answer === database ? proxy : answer;
    },
    pragma: (text: unknown, ...rest: unknown[]) =>
      run(`PRAGMA ${String(text)}`, () => methodOf(database, 'pragma')(text, ...rest)),
    loadExtension: (...given: unknown[]) => {
      connection.isAltered = true;
      return methodOf(database, 'loadExtension')(...given);
    },
    createTagStore: (...given: unknown[]) =>
      wrapTagStore(methodOf(database, 'createTagStore')(...given) as object, parts),
  };
  for (const name of DEFINING) {
    own[name] = (...given: unknown[]): unknown => {
      if (replacesOwn(given[0])) connection.isAltered = true;
      const answer = methodOf(database, name)(...given);
      return answer === database ? proxy : answer;
    };
  }
  const proxy: T = wrapped(database, recorder, { own: offered(database, own), harmless: DATABASE });
  return proxy;
}

/** Only the methods that the driver has. */
function offered(target: object, methods: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(methods).filter(([name]) => name in target));
}

interface Parts {
  readonly recorder: Recorder;
  readonly connection: SqliteConnection;
}

/** A tag store makes its texts by itself. */
function wrapTagStore(store: object, parts: Parts): object {
  const iterate = (...given: unknown[]) => {
    const begin = () => parts.recorder.call('iterate');
    begin();
    return rowsOf(methodOf(store, 'iterate')(...given), begin, parts);
  };
  return wrapped(store, parts.recorder, { own: { iterate }, harmless: new Set() });
}

function wrapStatement(statement: object, text: unknown, parts: Parts): object {
  const { recorder, connection } = parts;
  let bound: readonly unknown[] = [];
  const begin = (given: readonly unknown[]) => recorder.begin(text, givenOf([...bound, ...given]), connection);
  const whole =
    (name: string, rows: (answer: unknown) => readonly unknown[] | undefined, isWhole = true) =>
    (...given: unknown[]) =>
      runNow(begin(given), { run: () => methodOf(statement, name)(...given), rows, isWhole });
  const own: Record<string, unknown> = {
    all: whole('all', (answer) => (Array.isArray(answer) ? answer : undefined)),
    get: whole('get', (answer) => (answer === undefined ? [] : [answer]), false),
    run: whole('run', () => undefined),
    iterate: (...given: unknown[]) => {
      // Done at once, since it may never come to its end; what changes from now on is matched by the condition alone.
      const read = <R>(run: () => R) => runNow(begin(given), { run, rows: () => undefined });
      const rows = read(() => methodOf(statement, 'iterate')(...given));
      return rowsOf(rows, () => read(() => undefined), parts);
    },
    bind: (...given: unknown[]) => {
      methodOf(statement, 'bind')(...given);
      bound = [...bound, ...given];
      return proxy;
    },
  };
  for (const mode of MODES) {
    own[mode] = (...given: unknown[]) => {
      methodOf(statement, mode)(...given);
      return proxy;
    };
  }
  const proxy: object = wrapped(statement, recorder, { own: offered(statement, own), harmless: STATEMENT });
  return proxy;
}

function rowsOf(rows: unknown, begin: () => void, { recorder, connection }: Parts): SqliteRows {
  return new SqliteRows({
    rows: rows as Iterator<unknown>,
    opened: () => connection.openRows++,
    closed: () => connection.openRows--,
    scope: () => recorder.scope,
    begin,
  });
}

const FUNCTIONS = 'SELECT DISTINCT name FROM pragma_function_list WHERE NOT builtin';

/** Whether a connection has such functions already; true if it cannot be told. */
function hasReplaced(database: object): boolean {
  try {
    const own = functionsOf(database).filter(replacesOwn);
    return own.length > 0 && !areOfDriver(own, database);
  } catch {
    return true;
  }
}

function functionsOf(database: object): readonly unknown[] {
  const statement = methodOf(database, 'prepare')(FUNCTIONS) as object;
  return (methodOf(statement, 'all')() as readonly { readonly name: unknown }[]).map(({ name }) => name);
}

/** libSQL brings functions of its own on each connection; a class of the program that extends the driver's may, too. */
function areOfDriver(functions: readonly unknown[], database: object): boolean {
  let prototype = Object.getPrototypeOf(database) as object;
  for (let next = prototype; next !== Object.prototype; next = Object.getPrototypeOf(next)) prototype = next;
  const fresh = Reflect.construct(prototype.constructor, [':memory:']) as object;
  try {
    const brought = new Set(functionsOf(fresh));
    return functions.every((name) => brought.has(name));
  } finally {
    methodOf(fresh, 'close')();
  }
}
