// node:sqlite and better-sqlite3, which answer at once.
//
// The one complication: a statement that is still being iterated keeps its connection at the moment when it began, so
// whatever else is read on it meanwhile is as old.

import { givenOf, NOTHING_GIVEN } from './parameters.ts';
import type { Connection, Recorder } from './recorder.ts';
import { methodOf, namesOf, runNow, wrapped } from './wrapping.ts';

const STATEMENT = namesOf(`columns setReadBigInts setReturnArrays setAllowBareNamedParameters
  setAllowUnknownNamedParameters`);
const DATABASE = namesOf(`open close function aggregate location createSession enableDefensive enableLoadExtension
  setAuthorizer defaultSafeIntegers backup serialize transaction table unsafeMode`);
/** Of better-sqlite3: they give the statement itself. */
const MODES = ['raw', 'pluck', 'expand', 'safeIntegers'] as const;

/** `DatabaseSync` and `Database`. */
export function wrapSqlite<T extends object>(database: T, recorder: Recorder): T {
  let iterators = 0;
  const isWithin = 'inTransaction' in database ? 'inTransaction' : 'isTransaction';
  const connection: Connection = {
    isTransaction: () => iterators > 0 || Reflect.get(database, isWithin, database) !== false,
    isAltered: false,
  };
  const parts: Parts = {
    recorder,
    connection,
    opened: () => iterators++,
    closed: () => iterators--,
  };
  const run = (text: unknown, call: () => unknown) =>
    runNow(recorder.begin(text, givenOf([]), connection), { run: call, rows: () => undefined });
  const own: Readonly<Record<string, unknown>> = {
    prepare: (...given: unknown[]) => {
      const started = recorder.start();
      try {
        return wrapStatement(methodOf(database, 'prepare')(...given) as object, given[0], parts);
      } catch (error) {
        // That a table or a column is not there was read, too.
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
      wrapped(methodOf(database, 'createTagStore')(...given) as object, recorder, { own: {}, harmless: new Set() }),
  };
  const proxy: T = wrapped(database, recorder, { own: offered(database, own), harmless: DATABASE });
  return proxy;
}

/** Only what the driver has. */
function offered(target: object, methods: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(methods).filter(([name]) => name in target));
}

interface Parts {
  readonly recorder: Recorder;
  readonly connection: Connection;
  readonly opened: () => void;
  readonly closed: () => void;
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
      const reading = begin(given);
      const rows = methodOf(statement, 'iterate')(...given) as Iterator<unknown>;
      // Now, since it may never come to its end; what changes from now on is matched by the condition alone.
      reading?.done(undefined);
      return counted(rows, parts);
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

/** The iterator, which is open from its first row until its end. */
function counted(rows: Iterator<unknown>, { opened, closed }: Parts): IterableIterator<unknown> {
  let isOpen = false;
  const close = () => {
    if (isOpen) closed();
    isOpen = false;
  };
  const guarded = (step: () => IteratorResult<unknown>): IteratorResult<unknown> => {
    try {
      const result = step();
      if (result.done === true) close();
      return result;
    } catch (error) {
      close();
      throw error;
    }
  };
  return {
    next: () => {
      if (!isOpen) opened();
      isOpen = true;
      return guarded(() => rows.next());
    },
    return: (value) => {
      close();
      return rows.return?.(value) ?? { done: true, value };
    },
    throw: (error) => {
      close();
      if (rows.throw !== undefined) return rows.throw(error);
      throw error;
    },
    [Symbol.iterator]() {
      return this;
    },
  };
}
