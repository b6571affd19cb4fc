// The client of libSQL (`@libsql/client`), and D1.
//
// A batch is a transaction. A batch of nothing but queries sees the state committed when it began, and is recorded; in
// any other batch a query may see the batch's own writes.

import type { Connection, Recorder } from './recorder.ts';
import { PLACE, PlacedConnection } from './sqlite-place.ts';
import { argumentsOf, NO_ARGUMENTS, type StatementArguments } from './statements.ts';
import { connection, methodOf, namesOf, originalOf, type RowsOf, runLater, wrapped } from './wrapping.ts';

const CLIENT = namesOf('close sync reconnect');
const TRANSACTION = namesOf('commit rollback close');
const QUERY = /^[\s(;]*(?:select|values)\b/i;

interface Run {
  readonly text: unknown;
  readonly given: StatementArguments;
}

interface LocatedConnection extends Connection {
  /** Runs a statement, and sees to it that the file is known when it has answered. */
  located<T>(run: () => Promise<T> | T): Promise<T>;
}

/** A connection that is asked once for its file, with its first statement. */
class AskedConnection extends PlacedConnection implements LocatedConnection {
  isAltered = false;
  readonly isBlind = true;
  readonly #ask: () => Promise<unknown>;
  #asking: Promise<void> | undefined;

  constructor(ask: () => Promise<unknown>) {
    super();
    this.#ask = ask;
  }

  isTransaction(): boolean {
    return false;
  }

  async located<T>(run: () => Promise<T> | T): Promise<T> {
    try {
      return await run();
    } finally {
      this.#asking ??= this.#ask().then(
        (row) => {
          const { file, text } = (row ?? {}) as { readonly file?: unknown; readonly text?: unknown };
          this.told(file, text);
        },
        () => undefined,
      );
      await this.#asking;
    }
  }
}

/** Reads within it are not recorded, so it need not be asked. */
function within(): LocatedConnection {
  return { ...connection(true), located: async (run) => run() };
}

export function wrapLibsql<T extends object>(client: T, recorder: Recorder): T {
  const on = new AskedConnection(async () => rowsOf(await methodOf(client, 'execute')(PLACE))?.[0]);
  return wrapped(client, recorder, {
    own: {
      ...executing(client, recorder, on),
      transaction: async (...given: unknown[]) => {
        const transaction = (await methodOf(client, 'transaction')(...given)) as object;
        return wrapped(transaction, recorder, {
          own: executing(transaction, recorder, within()),
          harmless: TRANSACTION,
        });
      },
    },
    harmless: CLIENT,
  });
}

function executing(target: object, recorder: Recorder, on: LocatedConnection): Readonly<Record<string, unknown>> {
  return {
    execute: (...given: unknown[]) => {
      const { text, given: parameters } = libsqlRun(given[0], given[1]);
      const run = () => on.located(() => methodOf(target, 'execute')(...given));
      return runLater(recorder.begin(text, parameters, on), { run, rows: rowsOf });
    },
    executeMultiple: (text: unknown) => {
      const run = () => methodOf(target, 'executeMultiple')(text);
      return runLater(recorder.begin(text, NO_ARGUMENTS, on), { run, rows: () => undefined });
    },
    batch: (statements: readonly unknown[], ...rest: unknown[]) => {
      const runs = statements.map((one) => (Array.isArray(one) ? libsqlRun(one[0], one[1]) : libsqlRun(one)));
      return runBatch({ recorder, runs, on, rows: rowsOf }, () => methodOf(target, 'batch')(statements, ...rest));
    },
  };
}

function libsqlRun(statement: unknown, second?: unknown): Run {
  const isText = typeof statement === 'string';
  const { sql, args } = isText ? { sql: statement, args: second } : (statement as { sql?: unknown; args?: unknown });
  return { text: sql, given: args === undefined ? NO_ARGUMENTS : argumentsOf([args]) };
}

function rowsOf(answer: unknown): readonly unknown[] | undefined {
  const { rows } = answer as { readonly rows?: unknown };
  return Array.isArray(rows) ? rows : undefined;
}

interface Batch {
  readonly recorder: Recorder;
  readonly runs: readonly Run[];
  readonly on: LocatedConnection;
  /** Rows of one of its answers. */
  readonly rows: RowsOf;
}

async function runBatch({ recorder, runs, on, rows }: Batch, run: () => unknown): Promise<unknown> {
  const own = runs.every(({ text }) => typeof text === 'string' && QUERY.test(text)) ? on : within();
  const recordings = runs.map(({ text, given }) => recorder.begin(text, given, own));
  if (own.isAltered) on.isAltered = true;
  const all = {
    done: (answers: readonly unknown[] = []) => {
      for (const [at, recording] of recordings.entries()) recording?.done(rows(answers[at]));
    },
    failed: () => {
      for (const recording of recordings) recording?.failed();
    },
  };
  return runLater(all, { run: () => on.located(run), rows: (answers) => answers as readonly unknown[] });
}

const D1 = namesOf('');
const runs = new WeakMap<object, Run>();

export function wrapD1<T extends object>(database: T, recorder: Recorder, isReplica = false): T {
  // A D1 session may read from a replica that is behind.
  const on = isReplica
    ? within()
    : new AskedConnection(async () => methodOf(methodOf(database, 'prepare')(PLACE) as object, 'first')());
  return wrapped(database, recorder, {
    own: {
      prepare: (text: unknown) =>
        wrapPrepared(methodOf(database, 'prepare')(text) as object, { text, given: NO_ARGUMENTS }, [recorder, on]),
      batch: (statements: readonly unknown[]) => {
        const known = statements.map((one) => runs.get(one as object) ?? { text: undefined, given: NO_ARGUMENTS });
        const run = () => methodOf(database, 'batch')(statements.map(originalOf));
        return runBatch({ recorder, runs: known, on, rows: resultsOf }, run);
      },
      exec: (text: unknown) => {
        const run = () => methodOf(database, 'exec')(text);
        return runLater(recorder.begin(text, NO_ARGUMENTS, on), { run, rows: () => undefined });
      },
      withSession: (...given: unknown[]) =>
        wrapD1(methodOf(database, 'withSession')(...given) as object, recorder, true),
    },
    harmless: D1,
  });
}

function wrapPrepared(statement: object, run: Run, [recorder, on]: readonly [Recorder, LocatedConnection]): object {
  const later =
    (name: string, rows: RowsOf, isWhole = true) =>
    (...given: unknown[]) => {
      const call = () => on.located(() => methodOf(statement, name)(...given));
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
