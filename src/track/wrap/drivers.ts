// Drivers: which of them an object is of, and which are loaded and not wrapped, so that reads through them are not seen.
//
// The feed loads a driver as well. So a driver that only the feed may have loaded is not reported. A package of ES modules
// alone, or one that a bundler has put into the application, is not seen.

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createRequire } from 'node:module';
import { execPath } from 'node:process';
import { TidegateError } from '../../errors.ts';
import type { Recorder } from './recorder.ts';
import { wrapD1, wrapLibsql } from './wrap-libsql.ts';
import { wrapPg } from './wrap-postgres.ts';
import { wrapPostgresJs } from './wrap-postgres-js.ts';
import { wrapSqlite } from './wrap-sqlite.ts';

/**
 * Keyed by the package that is loaded with the driver; the values are the driver's name and the kind that
 * `tracker.wrap` takes, if any.
 */
const KNOWN: Readonly<Record<string, readonly [driver: string, kind: DriverKind | undefined]>> = {
  pg: ['pg', 'pg'],
  '@neondatabase/serverless': ['@neondatabase/serverless', 'pg'],
  postgres: ['postgres', 'postgres.js'],
  'better-sqlite3': ['better-sqlite3', 'sqlite'],
  libsql: ['@libsql/client', 'libsql'],
  sqlite3: ['sqlite3', undefined],
  mysql: ['mysql', undefined],
  mysql2: ['mysql2', undefined],
  mariadb: ['mariadb', undefined],
  tedious: ['tedious', undefined],
  oracledb: ['oracledb', undefined],
  mongodb: ['mongodb', undefined],
};
/** Drivers that a feed loads by itself. */
const OF_FEED: ReadonlySet<string> = new Set(['pg']);

const WRAPPED = 'Wrap them, and hand them to your ORM wrapped';
const UNKNOWN = 'No tracker wraps this driver: refuse what is made of it, by tracker.current()?.refuse';

export class Drivers {
  readonly #wrapped = new Set<DriverKind>();
  readonly #loadedBefore: ReadonlySet<string>;
  readonly #hasFeed: boolean;

  /** `hasFeed`: it follows the database in this process, and has not begun to. */
  constructor(hasFeed: boolean) {
    this.#hasFeed = hasFeed;
    this.#loadedBefore = namesLoaded();
  }

  /** Throws E_CONFIG. */
  wrap<T extends object>(driver: T, recorder: Recorder): T {
    const kind = driverKindOf(driver);
    this.#wrapped.add(kind);
    return WRAPPERS[kind](driver, recorder);
  }

  /** The problem and its mend, by driver. */
  unwrapped(): ReadonlyMap<string, string> {
    const found = new Map<string, string>();
    const loaded = namesLoaded();
    for (const [name, [driver, kind]] of Object.entries(KNOWN)) {
      const isByFeed = this.#hasFeed && OF_FEED.has(name) && !this.#loadedBefore.has(name);
      if (!loaded.has(name) || isByFeed || (kind !== undefined && this.#wrapped.has(kind))) continue;
      const what = `expected connections of ${driver}, which is loaded, to be wrapped (tracker.wrap), got none`;
      found.set(driver, `${what}: what is read by it is not seen. ${kind === undefined ? UNKNOWN : WRAPPED}`);
    }
    return found;
  }
}

function namesLoaded(): ReadonlySet<string> {
  return new Set(loadedModules().map(({ name }) => name));
}

type DriverKind = 'postgres.js' | 'sqlite' | 'd1' | 'libsql' | 'pg';

const WRAPPERS: Readonly<Record<DriverKind, <T extends object>(driver: T, recorder: Recorder) => T>> = {
  'postgres.js': wrapPostgresJs,
  sqlite: wrapSqlite,
  d1: (driver, recorder) => wrapD1(driver, recorder),
  libsql: wrapLibsql,
  pg: (driver, recorder) => wrapPg(driver, recorder),
};

function driverKindOf(driver: object): DriverKind {
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

export interface LoadedModule {
  /** E.g. `pg`, `@libsql/client`. */
  readonly name: string;
  readonly exports: unknown;
}

const INNERMOST = /^.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/s;
const REQUIRED = 'tracing:module.require:end';

export function loadedModules(): readonly LoadedModule[] {
  // The process has one module cache, whatever the path; a CommonJS bundle has no `import.meta.url`.
  return Object.values(createRequire(execPath).cache).flatMap((module) => {
    const name = packageOf(module?.filename ?? '');
    return name === undefined ? [] : [{ name, exports: module?.exports as unknown }];
  });
}

/** Reports each package loaded from now on. Returns a function that ends this. */
export function whenLoaded(tell: (loaded: LoadedModule) => void): () => void {
  const heard = (message: unknown) => {
    const { id, result } = message as { readonly id?: unknown; readonly result?: unknown };
    if (typeof id !== 'string' || id.startsWith('.')) return;
    tell({ name: packageOf(id) ?? id, exports: result });
  };
  subscribe(REQUIRED, heard);
  return () => unsubscribe(REQUIRED, heard);
}

function packageOf(path: string): string | undefined {
  return INNERMOST.exec(path)?.[1]?.replace('\\', '/');
}
