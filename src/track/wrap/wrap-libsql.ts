// The client of libSQL (`@libsql/client`), and D1.
//
// A batch is a transaction. A batch of nothing but queries sees the state committed when it began, and is recorded; in
// any other batch a query may see the batch's own writes.

import type { Reading } from '../scope/scopes.ts';
import type { Recorder } from './recorder.ts';
import { type AskedConnection, askedConnection, PLACE } from './sqlite-place.ts';
import { type Given, givenOf, NOTHING_GIVEN } from './statements.ts';
import { connection, methodOf, namesOf, originalOf, runLater, wrapped } from './wrapping.ts';

const CLIENT = namesOf('close sync reconnect');
const TRANSACTION = namesOf('commit rollback close');
const QUERY = /^[\s(;]*(?:select|values)\b/i;

interface Run {
  readonly text: unknown;
  readonly given: Given;
}

export function wrapLibsql<T extends object>(client: T, recorder: Recorder): T {
  const ask = async () => rowsOf(await methodOf(client, 'execute')(PLACE))?.[0] as object | undefined;
  return wrapped(client, recorder, {
    own: {
      ...executing(client, recorder, askedConnection(ask)),
      transaction: async (...given: unknown[]) => {
        const transaction = (await methodOf(client, 'transaction')(...given)) as object;
        const own = executing(transaction, recorder, { ...WITHIN });
        return wrapped(transaction, recorder, { own, harmless: TRANSACTION });
      },
    },
    harmless: CLIENT,
  });
}

function executing(target: object, recorder: Recorder, on: AskedConnection): Readonly<Record<string, unknown>> {
  return {
    execute: (...given: unknown[]) => {
      const { text, given: parameters } = libsqlRun(given[0], given[1]);
      const run = () => on.located(async () => methodOf(target, 'execute')(...given));
      return runLater(recorder.begin(text, parameters, on), { run, rows: rowsOf });
    },
    executeMultiple: (text: unknown) => {
      const run = () => methodOf(target, 'executeMultiple')(text);
      return runLater(recorder.begin(text, NOTHING_GIVEN, on), { run, rows: () => undefined });
    },
    batch: (statements: readonly unknown[], ...rest: unknown[]) => {
      const runs = statements.map((one) =>
        Array.isArray(one) ? libsqlRun(one[0], one[1]) : libsqlRun(one, undefined),
      );
      const run = () => on.located(async () => methodOf(target, 'batch')(statements, ...rest) as Promise<unknown[]>);
      return runBatch({ recorder, runs, on }, run);
    },
  };
}

function libsqlRun(statement: unknown, second: unknown): Run {
  const isText = typeof statement === 'string';
  const { sql, args } = isText ? { sql: statement, args: second } : (statement as { sql?: unknown; args?: unknown });
  return { text: sql, given: args === undefined ? NOTHING_GIVEN : givenOf([args]) };
}

function rowsOf(answer: unknown): readonly unknown[] | undefined {
  const { rows } = answer as { readonly rows?: unknown };
  return Array.isArray(rows) ? rows : undefined;
}

/** Reads on it are not recorded, so it need not be asked. */
const WITHIN: AskedConnection = { ...connection(true), located: (run) => run() };

interface Batch {
  readonly recorder: Recorder;
  readonly runs: readonly Run[];
  readonly on: AskedConnection;
  readonly rows?: (answer: unknown) => readonly unknown[] | undefined;
}

async function runBatch(
  { recorder, runs, on, rows = rowsOf }: Batch,
  run: () => Promise<unknown[]>,
): Promise<unknown[]> {
  const isRead = runs.every(({ text }) => typeof text === 'string' && QUERY.test(text));
  const own = isRead ? on : { ...WITHIN };
  const readings: (Reading | undefined)[] = runs.map(({ text, given }) => recorder.begin(text, given, own));
  if (own.isAltered) on.isAltered = true;
  let answers: unknown[];
  try {
    answers = await run();
  } catch (error) {
    for (const reading of readings) reading?.failed();
    throw error;
  }
  for (const [at, reading] of readings.entries()) reading?.done(rows(answers[at]));
  return answers;
}

const D1 = namesOf('');
const runs = new WeakMap<object, Run>();

export function wrapD1<T extends object>(database: T, recorder: Recorder, isReplica = false): T {
  // A D1 session may read from a replica that is behind.
  const on = isReplica ? { ...WITHIN } : askedConnection(() => placeAt(database));
  return wrapped(database, recorder, {
    own: {
      prepare: (text: unknown) =>
        wrapPrepared(methodOf(database, 'prepare')(text) as object, { text, given: NOTHING_GIVEN }, [recorder, on]),
      batch: (statements: readonly unknown[]) => {
        const known = statements.map((one) => runs.get(one as object) ?? { text: undefined, given: NOTHING_GIVEN });
        const run = () =>
          on.located(async () => methodOf(database, 'batch')(statements.map(originalOf)) as Promise<unknown[]>);
        return runBatch({ recorder, runs: known, on, rows: resultsOf }, run);
      },
      exec: (text: unknown) => {
        const run = () => methodOf(database, 'exec')(text);
        return runLater(recorder.begin(text, NOTHING_GIVEN, on), { run, rows: () => undefined });
      },
      ...('withSession' in database
        ? {
            withSession: (...given: unknown[]) =>
              wrapD1(methodOf(database, 'withSession')(...given) as object, recorder, true),
          }
        : {}),
    },
    harmless: D1,
  });
}

async function placeAt(database: object): Promise<object | undefined> {
  return methodOf(methodOf(database, 'prepare')(PLACE) as object, 'first')() as Promise<object | undefined>;
}

function wrapPrepared(statement: object, run: Run, [recorder, on]: readonly [Recorder, AskedConnection]): object {
  const later =
    (name: string, rows: (answer: unknown) => readonly unknown[] | undefined, isWhole = true) =>
    (...given: unknown[]) => {
      const call = () => on.located(async () => methodOf(statement, name)(...given));
      return runLater(recorder.begin(run.text, run.given, on), { run: call, rows, isWhole });
    };
  const raw = (given: unknown) => (answer: unknown) => {
    const hasNames = (given as { readonly columnNames?: boolean } | undefined)?.columnNames === true;
    return Array.isArray(answer) && !hasNames ? answer : undefined;
  };
  const proxy = wrapped(statement, recorder, {
    own: {
      bind: (...given: unknown[]) =>
        wrapPrepared(methodOf(statement, 'bind')(...given) as object, { text: run.text, given: { list: given } }, [
          recorder,
          on,
        ]),
      all: later('all', resultsOf),
      run: later('run', resultsOf),
      raw: (...given: unknown[]) => later('raw', raw(given[0]))(...given),
      first: (...given: unknown[]) =>
        // A column may hold null, too.
        later('first', (answer) => (answer === null && given.length === 0 ? [] : undefined), false)(...given),
    },
    harmless: D1,
  });
  runs.set(proxy, run);
  return proxy;
}

function resultsOf(answer: unknown): readonly unknown[] | undefined {
  const { results } = (answer ?? {}) as { readonly results?: unknown };
  return Array.isArray(results) ? results : undefined;
}
