// Which driver an object belongs to, told by what it can do.

import { TidegateError } from '../errors.ts';
import type { Recorder } from './recorder.ts';
import { wrapD1, wrapLibsql } from './wrap-libsql.ts';
import { wrapPg } from './wrap-postgres.ts';
import { wrapPostgresJs } from './wrap-postgres-js.ts';
import { wrapSqlite } from './wrap-sqlite.ts';

/** Throws E_CONFIG. */
export function wrapDriver<T extends object>(driver: T, recorder: Recorder): T {
  const has = (...names: readonly string[]) =>
    names.every((name) => typeof Reflect.get(driver, name, driver) === 'function');
  if (typeof driver === 'function' && has('unsafe', 'begin', 'end')) return wrapPostgresJs(driver, recorder);
  if (has('prepare', 'exec', 'close')) return wrapSqlite(driver, recorder);
  if (has('prepare', 'batch')) return wrapD1(driver, recorder);
  if (has('execute', 'batch', 'executeMultiple')) return wrapLibsql(driver, recorder);
  if (has('query', 'connect', 'end')) return wrapPg(driver, recorder);
  const expected =
    'a database of node:sqlite or better-sqlite3, a client of libSQL, D1, a Pool or Client of pg, or postgres.js';
  throw new TidegateError('E_CONFIG', `expected ${expected}, got ${driver.constructor?.name ?? typeof driver}`);
}
