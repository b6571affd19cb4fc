// node:sqlite and better-sqlite3, which answer at once.
//
// A statement that is still being iterated keeps its connection at the moment when it began, so whatever else is read on it
// meanwhile is as old, whichever wrapper of that connection reads it; and what a write among the rows did is not committed.
//
// LIKE, GLOB and views call functions that no statement names. So if any name that statements are taken to know means
// something else on a connection, nothing read on it is stored.

import { replacesOwn } from '../../sql/calls/functions.ts';
import type { RequestScope } from '../scope/scope.ts';
import type { Connection, Recorder } from './recorder.ts';
import { PLACE, PlacedConnection } from './sqlite-place.ts';
import { argumentsOf, NO_ARGUMENTS } from './statements.ts';
import { methodOf, namesOf, originalOf, type RowsOf, runNow, wrapped } from './wrapping.ts';

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
class SqliteConnection extends PlacedConnection implements Connection {
  openRows = 0;
  #isAltered: boolean | undefined;
  readonly #database: object;
  #question: object | undefined;

  constructor(database: object) {
    super();
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
      this.told(file, text);
      return Number(isUnaltered) === 1;
    } catch {
      // The database was closed, and may be opened again.
      this.#question = undefined;
      this.told(undefined, undefined);
      return false;
    }
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

export function wrapSqlite<T extends object>(database: T, recorder: Recorder): T {
  const connection = connectionOf(database);
  const parts: Parts = { recorder, connection };
  const run = (text: unknown, call: () => unknown) =>
    runNow(recorder.begin(text, argumentsOf([]), connection), { run: call, rows: () => undefined });
  const own: Record<string, unknown> = {
    prepare: (...given: unknown[]) => {
      const started = recorder.start();
      try {
        return wrapStatement(methodOf(database, 'prepare')(...given) as object, given[0], parts);
      } catch (error) {
        // A missing table or column is a read, too.
        recorder.begin(given[0], { ...NO_ARGUMENTS, started }, connection)?.failed();
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
    createTagStore: (...given: unknown[]) => {
      const store = methodOf(database, 'createTagStore')(...given) as object;
      // It makes its texts by itself.
      const begin = () => recorder.call('iterate');
      const iterate = (...values: unknown[]) => {
        begin();
        return new SqliteRows(methodOf(store, 'iterate')(...values), begin, parts);
      };
      return wrapped(store, recorder, { own: { iterate }, harmless: new Set() });
    },
  };
  for (const name of DEFINING) {
    own[name] = (...given: unknown[]): unknown => {
      if (replacesOwn(given[0])) connection.isAltered = true;
      const answer = methodOf(database, name)(...given);
      return answer === database ? proxy : answer;
    };
  }
  const proxy: T = wrapped(database, recorder, { own, harmless: DATABASE });
  return proxy;
}

interface Parts {
  readonly recorder: Recorder;
  readonly connection: SqliteConnection;
}

function wrapStatement(statement: object, text: unknown, parts: Parts): object {
  const { recorder, connection } = parts;
  let bound: readonly unknown[] = [];
  const begin = (given: readonly unknown[]) => recorder.begin(text, argumentsOf([...bound, ...given]), connection);
  const whole =
    (name: string, rows: RowsOf, isWhole = true) =>
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
      return new SqliteRows(rows, () => read(() => undefined), parts);
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
  const proxy: object = wrapped(statement, recorder, { own, harmless: STATEMENT });
  return proxy;
}

/** The driver's rows, once the first has been asked for. Holds none of the application's objects, so that they are collected. */
class OpenRows {
  readonly #rows: Iterator<unknown>;
  readonly #connection: SqliteConnection;
  #isOpen = false;

  constructor(rows: Iterator<unknown>, connection: SqliteConnection) {
    this.#rows = rows;
    this.#connection = connection;
  }

  next(): IteratorResult<unknown> {
    this.#mark(true);
    try {
      const result = this.#rows.next();
      if (result.done === true) this.#mark(false);
      return result;
    } catch (error) {
      this.closeQuietly();
      throw error;
    }
  }

  /** Throws the driver's error, and is open then. Rows of libSQL cannot be closed: they are open until their last one. */
  close(value?: unknown): IteratorResult<unknown> {
    if (this.#rows.return === undefined) return { done: true, value };
    const result = this.#rows.return(value);
    this.#mark(false);
    return result;
  }

  /** If the driver fails to close it, it stays open, and no read on its connection is stored. */
  closeQuietly(): void {
    try {
      this.close();
    } catch {
      return;
    }
  }

  #mark(isOpen: boolean): void {
    if (isOpen !== this.#isOpen) this.#connection.openRows += isOpen ? 1 : -1;
    this.#isOpen = isOpen;
  }
}

/** Drivers do not close rows where next() throws, nor where the application lets go of them. */
const abandoned = new FinalizationRegistry<OpenRows>((open) => open.closeQuietly());

class SqliteRows extends Iterator<unknown> {
  readonly #open: OpenRows;
  readonly #recorder: Recorder;
  /** Records the statement for the scope that takes a row and is not the one of the row before. */
  readonly #begin: () => void;
  #scope: RequestScope | undefined;

  constructor(rows: unknown, begin: () => void, { recorder, connection }: Parts) {
    super();
    this.#open = new OpenRows(rows as Iterator<unknown>, connection);
    this.#recorder = recorder;
    this.#begin = begin;
    this.#scope = recorder.scope;
    abandoned.register(this, this.#open);
  }

  next(): IteratorResult<unknown> {
    const { scope } = this.#recorder;
    if (scope !== this.#scope) this.#begin();
    this.#scope = scope;
    return this.#open.next();
  }

  override return(value?: unknown): IteratorResult<unknown> {
    return this.#open.close(value);
  }
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
