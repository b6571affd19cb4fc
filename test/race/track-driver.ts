// An asynchronous driver of SQLite that is taken on by hand: a statement begins, is run, and answers in steps of their own.
//
// It has the form of libSQL's client, so that Drizzle and the wrapper take it for that; its rows are
// found by name and by place.

import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { Stops } from './track-steps.ts';

interface Statement {
  readonly sql: string;
  readonly args?: readonly unknown[];
}

interface Answer {
  readonly columns: readonly string[];
  readonly rows: readonly object[];
  readonly rowsAffected: number;
}

export class SteppedClient {
  readonly #reader: DatabaseSync;
  readonly #writer: DatabaseSync;
  readonly #stops: Stops | undefined;

  /** `stops`: of the statements of its own, one before each is run, and one before it answers. */
  constructor(connections: { readonly reader: DatabaseSync; readonly writer: DatabaseSync }, stops?: Stops) {
    this.#reader = connections.reader;
    this.#writer = connections.writer;
    this.#stops = stops;
  }

  async execute(given: string | Statement): Promise<Answer> {
    // The tracker's own question: the steps of a race are those of the application.
    if (textOf(given).includes('pragma_database_list')) return runOn(this.#reader, given);
    await this.#stops?.stop();
    const answer = runOn(this.#reader, given);
    await this.#stops?.stop();
    return answer;
  }

  async batch(given: readonly Statement[]): Promise<Answer[]> {
    await this.#stops?.stop();
    this.#reader.exec('BEGIN');
    const answers = given.map((one) => runOn(this.#reader, one));
    this.#reader.exec('COMMIT');
    await this.#stops?.stop();
    return answers;
  }

  async executeMultiple(text: string): Promise<void> {
    this.#reader.exec(text);
  }

  /** A stop before it begins, one before its first statement, one before its end. */
  async transaction(): Promise<SteppedTransaction> {
    await this.#stops?.stop();
    this.#writer.exec('BEGIN IMMEDIATE');
    return new SteppedTransaction(this.#writer, this.#stops);
  }

  close(): void {}
}

class SteppedTransaction {
  readonly #writer: DatabaseSync;
  readonly #stops: Stops | undefined;
  #hasRun = false;

  constructor(writer: DatabaseSync, stops: Stops | undefined) {
    this.#writer = writer;
    this.#stops = stops;
  }

  async execute(given: string | Statement): Promise<Answer> {
    if (!this.#hasRun) await this.#stops?.stop();
    this.#hasRun = true;
    return runOn(this.#writer, given);
  }

  async commit(): Promise<void> {
    await this.#stops?.stop();
    this.#writer.exec('COMMIT');
  }

  async rollback(): Promise<void> {
    await this.#stops?.stop();
    this.#writer.exec('ROLLBACK');
  }

  close(): void {}
}

function textOf(given: string | Statement): string {
  return typeof given === 'string' ? given : given.sql;
}

function runOn(database: DatabaseSync, given: string | Statement): Answer {
  const { sql, args = [] } = typeof given === 'string' ? { sql: given } : given;
  const statement = database.prepare(sql);
  const columns = statement.columns().map(({ name }) => String(name));
  if (columns.length === 0) {
    const { changes } = statement.run(...(args as SQLInputValue[]));
    return { columns, rows: [], rowsAffected: Number(changes) };
  }
  return { columns, rows: statement.all(...(args as SQLInputValue[])).map((row) => rowOf(row)), rowsAffected: 0 };
}

function rowOf(named: Readonly<Record<string, unknown>>): object {
  const values = Object.values(named);
  const row = { ...named };
  Object.defineProperty(row, 'length', { value: values.length });
  for (const [at, value] of values.entries()) Object.defineProperty(row, at, { value });
  return row;
}
