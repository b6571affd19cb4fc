// Finds the driver of an object by its methods.

import { TidegateError } from '../../errors.ts';
import type { Recorder } from './recorder.ts';
import { wrapD1, wrapLibsql } from './wrap-libsql.ts';
import { wrapPg } from './wrap-postgres.ts';
import { wrapPostgresJs } from './wrap-postgres-js.ts';
import { wrapSqlite } from './wrap-sqlite.ts';

export type DriverKind = 'postgres.js' | 'sqlite' | 'd1' | 'libsql' | 'pg';

const WRAPPERS: Readonly<Record<DriverKind, <T extends object>(driver: T, recorder: Recorder) => T>> = {
  'postgres.js': wrapPostgresJs,
  sqlite: wrapSqlite,
  d1: (driver, recorder) => wrapD1(driver, recorder),
  libsql: wrapLibsql,
  pg: (driver, recorder) => wrapPg(driver, recorder),
};

export function wrapDriver<T extends object>(driver: T, kind: DriverKind, recorder: Recorder): T {
  return WRAPPERS[kind](driver, recorder);
}

/** Throws E_CONFIG. */
export function driverKindOf(driver: object): DriverKind {
  const has = (...names: readonly string[]) =>
    names.every((name) => typeof Reflect.get(driver, name, driver) === 'function');
  if (typeof driver === 'function' && has('unsafe', 'begin', 'end')) return 'postgres.js';
  if (has('prepare', 'exec', 'close')) return 'sqlite';
  if (has('prepare', 'batch')) return 'd1';
  if (has('execute', 'batch', 'executeMultiple')) return 'libsql';
  if (has('query', 'connect', 'end')) return 'pg';
  const expected =
    'a database of node:sqlite or better-sqlite3, a client of libSQL, D1, a Pool or Client of pg, or postgres.js';
  throw new TidegateError('E_CONFIG', `expected ${expected}, got ${driver.constructor?.name ?? typeof driver}`);
}
