// The real database of a run, and connections to it that nobody else knows of.

import type { Relay } from '../kit/relay.ts';
import type { Dialect } from './queries.ts';
import { type Statement, statementsOf, type Transaction } from './transactions.ts';
import type { LedgerRow, Truth } from './truth.ts';

export interface Connection {
  readonly dialect: Dialect;
  run(statement: Statement): Promise<void>;
  close(): Promise<void>;
}

export interface DrillDatabase {
  readonly dialect: Dialect;
  connect(): Promise<Connection>;
  /** Commits from the number on, in their order. */
  ledger(from: number): Promise<readonly LedgerRow[]>;
  rows(table: string): Promise<readonly object[]>;
  /** What the application is told of it. */
  settings(): Readonly<Record<string, string>>;
  /** The network between the database and the tracker alone; undefined: there is none. */
  readonly link: Relay | undefined;
  close(): Promise<void>;
}

export interface Committing {
  readonly truth: Truth;
  /** Between its statements and its COMMIT. */
  readonly pause?: () => Promise<void>;
  readonly isRolledBack?: boolean;
  /** Statements before all others. */
  readonly first?: readonly Statement[];
}

/** Rejects where it was not committed, or where that is not known: the ledger will tell. */
export async function commit(connection: Connection, transaction: Transaction, how: Committing): Promise<void> {
  const { truth, pause, isRolledBack = false, first = [] } = how;
  const { dialect } = connection;
  const [begin, ...statements] = statementsOf(transaction, dialect) as [Statement, ...Statement[]];
  const number = statements.splice(-2);
  try {
    for (const statement of [begin, ...first, ...statements]) await connection.run(statement);
    await pause?.();
    for (const statement of number) await connection.run(statement);
    truth.sent(transaction);
    await connection.run({ sql: isRolledBack ? 'ROLLBACK' : 'COMMIT', values: [] });
    if (!isRolledBack) truth.returned(transaction);
  } catch (error) {
    await connection.run({ sql: 'ROLLBACK', values: [] }).catch(() => undefined);
    throw error;
  }
}
