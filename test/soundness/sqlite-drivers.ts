// Connections of the drivers that answer at once, as far as the worlds of connections use them.

import { DatabaseSync } from 'node:sqlite';
import BetterSqlite from 'better-sqlite3';
import LibSqlite from 'libsql';
import type { SqliteQuery } from './queries.ts';
import { shown } from './world.ts';

interface Statement {
  all(...parameters: unknown[]): unknown[];
  iterate(...parameters: unknown[]): Iterator<unknown> & Iterable<unknown>;
  setReadBigInts?(isOn: boolean): void;
  setReturnArrays?(isOn: boolean): void;
  safeIntegers?(isOn: boolean): Statement;
  raw?(isOn: boolean): Statement;
}

export type Work = (...given: never[]) => unknown;

export interface Connection {
  prepare(text: string): Statement;
  exec(text: string): unknown;
  function(name: string, options: { readonly deterministic: boolean; readonly varargs: boolean }, work: Work): unknown;
  aggregate(name: string, how: { readonly start: number; readonly step: Work; readonly result: Work }): unknown;
  close(): unknown;
}

export type Driver = new (path: string) => Connection;

export const NODE = DatabaseSync as unknown as Driver;
export const BETTER = BetterSqlite as unknown as Driver;
/** It takes no functions, and its rows cannot be closed. */
export const LIBSQL = LibSqlite as unknown as Driver;

/** One that brings a function of its own to each connection. */
export function bringing(driver: Driver, bring: (connection: Connection) => void): Driver {
  return class extends driver {
    constructor(path: string) {
      super(path);
      bring(this);
    }
  };
}

/** Integers of any size, and rows as lists. */
export function preparedOn(connection: Connection, text: string): Statement {
  const statement = connection.prepare(text);
  statement.setReadBigInts?.(true);
  statement.setReturnArrays?.(true);
  const whole = statement.safeIntegers?.(true) ?? statement;
  return whole.raw?.(true) ?? whole;
}

/** The answer as text, in which two are equal when the answers are. */
export function answerOf(connection: Connection, query: SqliteQuery, isByRows = false): string {
  try {
    const statement = preparedOn(connection, query.text);
    // A blob alone is no object of names, as libSQL would have it.
    const given = statement.setReadBigInts === undefined ? [query.parameters] : query.parameters;
    const rows = isByRows ? [...statement.iterate(...given)] : statement.all(...given);
    return shown(query, rows as unknown[][]);
  } catch (error) {
    return `failed: ${(error as Error).message}`;
  }
}
